// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Runs beside the package's node_modules, in $IMAGINED_ROOT's service. Prints TAP.
import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import OpenAI from 'openai';

let failed = false;
function check(what, holds, said) {
    failed ||= !holds;
    console.log(`${holds ? 'ok' : 'not ok'} - ${what}`);
    if (!holds && said !== undefined) console.log('    ' + JSON.stringify(said)?.slice(0, 2000));
}
const isPng = text => Buffer.from(text, 'base64').subarray(1, 4).toString() === 'PNG';

process.chdir(process.env.IMAGINED_ROOT);
process.env.XDG_STATE_HOME = process.cwd() + '/state';
const apiKey = execFileSync('imagine', ['http', 'token', 'add', 'openai'], { stdio: ['ignore', 'pipe', 'ignore'] }).toString().trim();
const bridge = spawn(process.env.BRIDGE, ['--user', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
bridge.on('exit', (code, signal) => check(`the bridge ends well (${code}, ${signal})`, code === 0));
const port = await new Promise(r => createInterface(bridge.stdout).once('line', r));
const options = { baseURL: `http://127.0.0.1:${port}/v1`, apiKey, maxRetries: 0 };
const client = new OpenAI(options);

const models = [];
for await (const model of client.models.list()) models.push(model.id);
check('models', models.join() === 'default', models);
const made = await client.images.generate({ prompt: 'a red fox', model: 'gpt-image-1', n: 2, size: '64x64', steps: 2, seed: 7 });
check('pictures', made.data.length === 2 && made.data.every(d => isPng(d.b64_json)) && made.size === '64x64', made.usage);
const events = [];
for await (const event of await client.images.generate({ prompt: 'a red fox', stream: true, partial_images: 2, steps: 200, size: '64x64' }))
    events.push(event);
check('a stream', events.at(-1).type === 'image_generation.completed' && isPng(events.at(-1).b64_json), events.map(e => e.type));
const refused = what => what.then(() => ({}), e => e);
check('a wrong key', await refused(new OpenAI({ ...options, apiKey: 'wrong' }).models.list()) instanceof OpenAI.AuthenticationError);
check('a wrong size', await refused(client.images.generate({ prompt: 'x', size: '1x1' })) instanceof OpenAI.BadRequestError);
check('a missing model', await refused(client.images.generate({ prompt: 'x', model: 'none' })) instanceof OpenAI.NotFoundError);
const stop = new AbortController();
const long = await client.images.generate({ prompt: 'x', stream: true, partial_images: 3, steps: 500, size: '64x64' }, { signal: stop.signal });
for await (const event of long) {
    check('a long one begins', event.type.startsWith('image_generation.'), event.type);
    break;
}
stop.abort();
check('and is left', true);
bridge.kill();
await new Promise(r => bridge.once('exit', r));
process.exit(failed ? 1 : 0);
