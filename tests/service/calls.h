/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Calls of the service's methods, and waiting for what comes of them:
 *
 *     JobRef job;
 *     assert_true(generate(bus, &job, "a fox", 1, "steps", "u", 3) >= 0);
 *     assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
 */

#include "harness.h"

/* Calls the manager; the name of the error is kept in *error where there is one. */
#define manager_call(bus, member, error, reply, ...) \
        sd_bus_call_method(bus, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, member, error, reply, __VA_ARGS__)
#define job_call(bus, path, member, error, reply, ...) \
        sd_bus_call_method(bus, IMAGINE_BUS_NAME, path, IMAGINE_JOB_INTERFACE, member, error, reply, __VA_ARGS__)

typedef struct JobRef {
        uint32_t id;
        char path[96];
} JobRef;

/* generate(bus, &job, "a fox", 1, "steps", "u", 3): returns as sd_bus_call_method does. order_error: likewise
 * for other methods that make a job of a text. */
#define order_error(bus, job, error, method, text, ...)                                                         \
        ({                                                                                                      \
                sd_bus_message *_reply = NULL;                                                                  \
                const char *_path;                                                                              \
                int _r = manager_call(bus, method, error, &_reply, "sa{sv}", text, __VA_ARGS__);                \
                if (_r >= 0)                                                                                    \
                        _r = sd_bus_message_read(_reply, "uo", &(job)->id, &_path);                             \
                if (_r >= 0)                                                                                    \
                        (void)snprintf((job)->path, sizeof((job)->path), "%s", _path);                          \
                sd_bus_message_unref(_reply);                                                                   \
                _r;                                                                                             \
        })
#define generate_error(bus, job, error, prompt, ...) order_error(bus, job, error, "Generate", prompt, __VA_ARGS__)
#define generate(bus, job, prompt, ...) generate_error(bus, job, NULL, prompt, __VA_ARGS__)

static inline int job_string(sd_bus *bus, const char *path, const char *property, char ret[static 64])
{
        _cleanup_(freep) char *value = NULL;

        int r = sd_bus_get_property_string(bus, IMAGINE_BUS_NAME, path, IMAGINE_JOB_INTERFACE, property, NULL, &value);
        if (r >= 0)
                (void)snprintf(ret, 64, "%s", value);
        return r;
}

static inline int job_u32(sd_bus *bus, const char *path, const char *property, uint32_t *ret)
{
        return sd_bus_get_property_trivial(bus, IMAGINE_BUS_NAME, path, IMAGINE_JOB_INTERFACE, property, NULL, 'u', ret);
}

static inline bool state_is_final(const char *state)
{
        return streq(state, IMAGINE_STATE_DONE) || streq(state, IMAGINE_STATE_FAILED) ||
               streq(state, IMAGINE_STATE_CANCELLED);
}

/* The Error property, as "NAME: SENTENCE"; ": " where the job has not failed. */
static inline void job_error_text(sd_bus *bus, const char *path, char ret[static 512])
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *name, *text;

        int r = sd_bus_get_property(bus, IMAGINE_BUS_NAME, path, IMAGINE_JOB_INTERFACE, "Error", &error, &reply, "(ss)");
        if (r < 0)
                fail_msg("%s has no Error: %s: %s", path, strerror(-r), error.message);
        assert_true(sd_bus_message_read(reply, "(ss)", &name, &text) >= 0);
        (void)snprintf(ret, 512, "%s: %s", name, text);
}

/* Its name alone, "" where the job has not failed. */
static inline void job_error(sd_bus *bus, const char *path, char ret[static 128])
{
        char text[512];

        job_error_text(bus, path, text);
        (void)snprintf(ret, 128, "%.*s", (int)strcspn(text, ":"), text);
}

/* Waits until the job has that state, or has ended; returns whether it has that state. */
static inline bool wait_for_state(sd_bus *bus, const char *path, const char *wanted)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        char state[64], error[512];

        while (clock_usec(CLOCK_MONOTONIC) < end) {
                if (job_string(bus, path, "State", state) < 0)
                        return false;
                if (streq(state, wanted))
                        return true;
                if (state_is_final(state)) {
                        job_error_text(bus, path, error);
                        (void)fprintf(stderr, "%s is %s (%s)\n", path, state, error);
                        return false;
                }
                sleep_ms(5);
        }
        return false;
}

/* Waits until a job that is at work has come to a step, and returns the one that it is at. */
static inline uint32_t wait_for_step(sd_bus *bus, const char *path, uint32_t least)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        char state[64];

        for (uint32_t step = 0; clock_usec(CLOCK_MONOTONIC) < end; sleep_ms(1)) {
                assert_true(job_u32(bus, path, "Step", &step) >= 0);
                assert_true(job_string(bus, path, "State", state) >= 0);
                if (state_is_final(state))
                        fail_msg("%s is %s before anybody saw step %u", path, state, least);
                if (step >= least)
                        return step;
        }
        fail_msg("%s did not come to step %u", path, least);
        return 0;
}

static inline bool wait_for_model_state(sd_bus *bus, const char *wanted)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;

        while (clock_usec(CLOCK_MONOTONIC) < end) {
                _cleanup_(freep) char *state = NULL;
                if (sd_bus_get_property_string(
                                    bus, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "State", NULL,
                                    &state) < 0)
                        return false;
                if (streq(state, wanted))
                        return true;
                sleep_ms(5);
        }
        return false;
}

/* GetResult: a descriptor that the caller owns, or a negative errno. */
static inline int get_result(sd_bus *bus, const char *path, uint32_t index, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int fd;

        int r = job_call(bus, path, "GetResult", error, &reply, "u", index);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "h", &fd);
        return r < 0 ? r : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static inline void assert_is_png(int fd, uint32_t width, uint32_t height)
{
        uint8_t head[24];
        assert_int_equal(pread(fd, head, sizeof(head), 0), sizeof(head));
        assert_memory_equal(head, "\x89PNG\r\n\x1a\n", 8);
        assert_int_equal(head[18] << 8 | head[19], width);
        assert_int_equal(head[22] << 8 | head[23], height);
}

static inline bool has_error(const sd_bus_error *error, const char *wanted)
{
        bool has = sd_bus_error_has_name(error, wanted);
        if (!has)
                (void)fprintf(
                                stderr, "got %s (%s)\n", error->name ? error->name : "no error",
                                error->message ? error->message : "");
        return has;
}

/* The call failed with that error; the error is freed. */
#define assert_bus_error(error, wanted)              \
        do {                                         \
                assert_true(has_error(error, wanted)); \
                sd_bus_error_free(error);            \
        } while (0)
