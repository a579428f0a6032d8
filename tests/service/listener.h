/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a connection hears of jobs:
 *
 *     Heard heard = {};
 *     listen_to_jobs(bus, &heard);
 *     …
 *     assert_true(hear_until(bus, &heard.finished, 1));
 */

#include "calls.h"

typedef struct Heard {
        unsigned updated, previews, finished, others;
        unsigned total;
        bool ended_with_finished; /* the last signal was Finished */
        char path[96], state[64]; /* of the last Updated or Finished that told them */
        char error[128];
        uint32_t pictures; /* of the last Finished */
        uint32_t step; /* of the last PreviewReady */
        char states[256]; /* all states that Updated told, in order */
} Heard;

static inline void hear_updated(Heard *heard, sd_bus_message *m)
{
        const char *key;

        heard->updated++;
        assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") >= 0);
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                assert_true(sd_bus_message_read(m, "s", &key) >= 0);
                if (streq(key, "State")) {
                        const char *state;
                        assert_true(sd_bus_message_read(m, "v", "s", &state) >= 0);
                        (void)snprintf(heard->state, sizeof(heard->state), "%s", state);
                        (void)snprintf(
                                        heard->states + strlen(heard->states),
                                        sizeof(heard->states) - strlen(heard->states), "%s ", state);
                } else {
                        assert_true(sd_bus_message_skip(m, "v") >= 0);
                }
                assert_true(sd_bus_message_exit_container(m) >= 0);
        }
}

static inline void hear_finished(Heard *heard, sd_bus_message *m)
{
        const char *state, *key, *text;

        heard->finished++;
        heard->ended_with_finished = true;
        assert_true(sd_bus_message_read(m, "s", &state) >= 0);
        (void)snprintf(heard->state, sizeof(heard->state), "%s", state);
        assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") >= 0);
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                assert_true(sd_bus_message_read(m, "s", &key) >= 0);
                if (streq(key, "pictures")) {
                        assert_true(sd_bus_message_read(m, "v", "u", &heard->pictures) >= 0);
                } else {
                        assert_true(sd_bus_message_read(m, "v", "s", &text) >= 0);
                        assert_true(streq(key, "error") || streq(key, "message"));
                        if (streq(key, "error"))
                                (void)snprintf(heard->error, sizeof(heard->error), "%s", text);
                }
                assert_true(sd_bus_message_exit_container(m) >= 0);
        }
}

static inline int on_job_signal(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Heard *heard = userdata;
        const char *member = sd_bus_message_get_member(m);
        (void)error;

        heard->total++;
        heard->ended_with_finished = false;
        (void)snprintf(heard->path, sizeof(heard->path), "%s", sd_bus_message_get_path(m));
        /* Every one is addressed to this connection alone. */
        assert_non_null(sd_bus_message_get_destination(m));
        if (streq(member, "Updated")) {
                hear_updated(heard, m);
        } else if (streq(member, "Finished")) {
                hear_finished(heard, m);
        } else if (streq(member, "PreviewReady")) {
                heard->previews++;
                assert_true(sd_bus_message_read(m, "u", &heard->step) >= 0);
        } else {
                heard->others++;
        }
        return 0;
}

static inline void listen_to_jobs(sd_bus *bus, Heard *heard)
{
        assert_true(sd_bus_match_signal(
                            bus, NULL, IMAGINE_BUS_NAME, NULL, IMAGINE_JOB_INTERFACE, NULL, on_job_signal, heard) >= 0);
}

/* Handles what is there already. */
static inline void hear_what_came(sd_bus *bus)
{
        /* The answer comes after everything that was sent before. */
        assert_true(sd_bus_call_method(
                            bus, IMAGINE_BUS_NAME, IMAGINE_PATH, "org.freedesktop.DBus.Peer", "Ping", NULL, NULL,
                            NULL) >= 0);
        while (sd_bus_process(bus, NULL) > 0)
                ;
}

/* Waits until a counter has reached a value. */
static inline bool hear_until(sd_bus *bus, const unsigned *counter, unsigned value)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;

        while (*counter < value && clock_usec(CLOCK_MONOTONIC) < end) {
                int r = sd_bus_process(bus, NULL);
                if (r < 0)
                        return false;
                if (r == 0)
                        (void)sd_bus_wait(bus, 100 * USEC_PER_MSEC);
        }
        return *counter >= value;
}
