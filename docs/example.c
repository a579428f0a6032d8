/* SPDX-License-Identifier: CC0-1.0 */

/* How a program asks for a picture: Generate, wait for Finished, GetResult.
 *
 *     cc -o example example.c $(pkg-config --cflags --libs libsystemd)
 *     ./example "a red fox" fox.png */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define NAME "org.imagined.Imagine1"

/* Finished(s state, a{sv} result); result holds the error and its message if there was one. */
static int on_finished(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char **state = userdata;
        const char *text;
        (void)error;

        int r = sd_bus_message_read(m, "s", &text);
        if (r < 0)
                return r;
        *state = strcmp(text, "done") == 0 ? "done" : "failed";
        return 0;
}

/* The result is a sealed memfd: it can be mapped, read or copied, and never changes. */
static int save(sd_bus *bus, const char *job, const char *path)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        struct stat st;
        off_t from = 0;
        int png, file = -1;

        int r = sd_bus_call_method(bus, NAME, job, NAME ".Job", "GetResult", &error, &reply, "u", 0);
        if (r < 0)
                fprintf(stderr, "%s\n", error.message);
        else if ((r = sd_bus_message_read(reply, "h", &png)) >= 0 &&
                 ((file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) < 0 || fstat(png, &st) < 0 ||
                  sendfile(file, png, &from, (size_t)st.st_size) != st.st_size)) {
                r = -errno;
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
        }
        if (file >= 0)
                close(file);
        sd_bus_message_unref(reply); /* closes png */
        sd_bus_error_free(&error);
        return r;
}

int main(int argc, char *argv[])
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        const char *job, *state = NULL;
        sd_bus *bus = NULL;

        if (argc != 3) {
                fprintf(stderr, "usage: %s PROMPT FILE\n", argv[0]);
                return 2;
        }
        int r = sd_bus_open_user(&bus);
        /* Subscribe before calling: a fast job could be done before a later subscription. Only this program's own
         * jobs send their signals here. (A program that stays also listens to NameOwnerChanged: services come and go.) */
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, NAME, NULL, NAME ".Job", "Finished", on_finished, &state);
        if (r >= 0)
                r = sd_bus_call_method(
                        bus, NAME, "/org/imagined/Imagine1", NAME ".Manager", "Generate", &error, &reply, "sa{sv}",
                        argv[1], 2, "seed", "t", UINT64_C(42), "priority", "s", "interactive");
        if (r >= 0)
                r = sd_bus_message_read(reply, "uo", NULL, &job);
        while (r >= 0 && !state) {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
        }
        if (r >= 0)
                r = save(bus, job, argv[2]);
        else
                fprintf(stderr, "%s\n", error.message ? error.message : strerror(-r));

        sd_bus_message_unref(reply);
        sd_bus_error_free(&error);
        sd_bus_flush_close_unref(bus);
        return r < 0;
}
