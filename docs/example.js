#!/usr/bin/env -S gjs -m
// SPDX-License-Identifier: CC0-1.0
// How a JavaScript program asks for a picture (GJS):    gjs -m example.js "a red fox" fox.png
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import System from 'system';

const NAME = 'org.imagined.Imagine1';

function call(bus, path, interfaceName, method, parameters, answer) {
    return bus.call_with_unix_fd_list_sync(NAME, path, `${NAME}.${interfaceName}`, method, parameters,
        new GLib.VariantType(answer), Gio.DBusCallFlags.NONE, -1, null, null);
}

function save(bus, job, path) {
    const [answer, fds] = call(bus, job, 'Job', 'GetResult', new GLib.Variant('(u)', [0]), '(ha{sv})');
    const picture = new Gio.UnixInputStream({fd: fds.get(answer.get_child_value(0).get_handle()), close_fd: true});
    const file = Gio.File.new_for_path(path).create(Gio.FileCreateFlags.NONE, null);

    file.splice(picture, Gio.OutputStreamSpliceFlags.CLOSE_SOURCE | Gio.OutputStreamSpliceFlags.CLOSE_TARGET, null);
}

function main(prompt, path) {
    const bus = Gio.bus_get_sync(Gio.BusType.SESSION, null);
    const loop = GLib.MainLoop.new(null, false);
    const ends = new Map();

    // Subscribed before the call: a fast job could be done before a later subscription.
    bus.signal_subscribe(NAME, `${NAME}.Job`, 'Finished', null, null, Gio.DBusSignalFlags.NONE,
        (connection, sender, job, iface, signal, parameters) => {
            ends.set(job, parameters.recursiveUnpack());
            loop.quit();
        });
    const options = {seed: new GLib.Variant('t', 42), priority: new GLib.Variant('s', 'interactive')};
    const [answer] = call(bus, '/org/imagined/Imagine1', 'Manager', 'Generate',
        new GLib.Variant('(sa{sv})', [prompt, options]), '(uo)');
    const job = answer.recursiveUnpack()[1];

    while (!ends.has(job))
        loop.run();
    const [state, result] = ends.get(job);
    if (state !== 'done')
        throw new Error(result.message ?? state);
    save(bus, job, path);
}

if (ARGV.length !== 2) {
    printerr(`usage: ${System.programInvocationName} PROMPT FILE`);
    System.exit(2);
}
try {
    main(...ARGV);
} catch (error) {
    if (error instanceof GLib.Error)
        Gio.DBusError.strip_remote_error(error);
    printerr(error.message); // a sentence for the user
    System.exit(1);
}
