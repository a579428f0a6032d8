/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Options of Generate, read from messages that no bus has carried; names of models. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>

#include "base/memfd.h"
#include "base/util.h"
#include "dbus/names.h"
#include "service/errors.h"
#include "service/models.h"
#include "service/options.h"
#include "service/picture.h"

static sd_bus *bus;
static int sockets[2];

static int setup(void **state)
{
        (void)state;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) < 0)
                return -1;
        if (sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, sockets[0], sockets[0]) < 0)
                return -1;
        return sd_bus_start(bus) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
        (void)state;
        (void)sd_bus_close_unref(bus);
        (void)close(sockets[1]);
        return 0;
}

static sd_bus_message *message_new(void)
{
        sd_bus_message *message;
        assert_true(sd_bus_message_new_method_call(
                            bus, &message, NULL, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "Generate") >= 0);
        return message;
}

static int read_options(sd_bus_message *message, Options *options, Error *error)
{
        assert_true(sd_bus_message_seal(message, 1, 0) >= 0);
        assert_true(sd_bus_message_rewind(message, true) >= 0);
        int r = options_read(message, options, error);
        sd_bus_message_unref(message);
        return r;
}

#define READ(options, error, ...)                                                    \
        ({                                                                           \
                sd_bus_message *_m = message_new();                                  \
                assert_true(sd_bus_message_append(_m, "a{sv}", __VA_ARGS__) >= 0);   \
                read_options(_m, options, error);                                    \
        })

static Options options;

static void test_defaults(void **state)
{
        (void)state;
        assert_int_equal(READ(&options, NULL, 0), 0);
        assert_int_equal(options.request.count, 1);
        assert_int_equal(options.request.width, 0);
        assert_true(options.request.guidance < 0);
        assert_int_equal(options.request.enlarge, ENLARGE_DEFAULT);
        assert_true(options.request.sharpen < 0 && options.request.smooth_edges < 0 &&
                    options.request.remove_artefacts < 0);
        assert_true(options.request.prompt_metadata);
        assert_false(options.request.fast);
        assert_int_equal(options.request.sampler, SAMPLER_DEFAULT);
        assert_int_equal(options.policy.priority, PRIORITY_NORMAL);
        assert_false(options.policy.detach);
        assert_false(options.has_seed);
        assert_string_equal(options.policy.model, "");
}

/* What one instance appends, another one reads as the same. */
static void assert_passes_on(const Options *before)
{
        static Options after;
        sd_bus_message *message = message_new();

        assert_true(options_append(message, before) >= 0);
        assert_int_equal(read_options(message, &after, NULL), 0);
        assert_memory_equal(&after.request, &before->request, sizeof(Request));
        assert_string_equal(after.policy.model, before->policy.model);
        assert_int_equal(after.policy.priority, before->policy.priority);
        assert_int_equal(after.policy.detach, before->policy.detach);
        assert_int_equal(after.policy.keep_alive, before->policy.keep_alive);
        assert_true(after.has_created); /* of the date that it has, or of none */
        assert_int_equal(after.has_seed, before->has_seed);
        assert_int_equal(after.has_variation_seed, before->has_variation_seed);
}

static void test_passing_on(void **state)
{
        (void)state;
        assert_int_equal(READ(&options, NULL, 0), 0);
        assert_passes_on(&options);
        assert_false(options.has_created);
        assert_int_equal(
                        READ(&options, NULL, 44, "alt-text", "s", "ein F\xc3\xbc" "chslein", "creator", "s", "Jo", "created", "t", UINT64_C(0), "model", "s", "a-b_c.1", "negative-prompt", "s", "blur", "width", "u",
                             64, "height", "u", 2048, "steps", "u", 500, "seed", "t", UINT64_MAX, "guidance", "d",
                             7.5, "sampler", "s", "dpm++-2m-karras", "rng", "s", "philox", "variation-seed", "t",
                             UINT64_C(9), "variation-strength", "d", 0.25, "schedule", "s", "exponential", "eta", "d",
                             0.0, "guidance-rescale", "d", 0.7, "guidance-start", "d", 0.1, "guidance-end", "d", 0.9,
                             "reuse-deep", "u", 3, "merge-tokens", "d", 0.75, "count", "u", 64, "preview-every", "u", 3, "fast", "b", true, "enlarge", "s", "lanczos",
                             "remove-artefacts", "d", 1.0, "smooth-edges", "d", 0.0, "sharpen", "d", 0.5,
                             "hires", "d", 2.0, "hires-strength", "d", 0.25, "hires-steps", "u", 9,
                             "tiling", "s", "y", "precision", "s", "bf16", "clip-skip", "u", 12, "loras", "a(sd)", 2, "one", 0.5, "two", -1.0,
                             "prompt-metadata", "b", false, "detach", "b", true, "keep-alive", "t", UINT64_C(86400),
                             "priority", "s", "interactive", "init-image", "h", STDERR_FILENO, "strength", "d", 0.5,
                             "outpaint", "(uuuu)", 1, 0, 2048, 3, "format", "s", "webp", "quality", "u", 100),
                        0);
        options.fds[INPUT_IMAGE] = STDERR_FILENO; /* the message is gone, and its copy */
        assert_passes_on(&options);
        assert_int_equal(READ(&options, NULL, 4, "init-image", "h", STDERR_FILENO, "mask", "h", STDERR_FILENO, "mask-paints", "s", "clear",
                              "mask-blur", "d", 4.0), 0);
        assert_int_equal(options.request.mask_paints, MASK_PAINTS_CLEAR);
        assert_true(options.request.mask_blur == 4);
        options.fds[INPUT_IMAGE] = options.fds[INPUT_MASK] = STDERR_FILENO;
        assert_passes_on(&options);
}

static void test_every_option(void **state)
{
        (void)state;
        assert_int_equal(
                        READ(&options, NULL, 23, "model", "s", "a-b_c.1", "negative-prompt", "s", "blur", "width", "u",
                             64, "height", "u", 2048, "steps", "u", 500, "seed", "t", UINT64_MAX, "guidance", "d",
                             7.5, "sampler", "s", "dpm++-2m-karras", "count", "u", 64, "preview-every", "u", 3,
                             "prompt-metadata", "b", false, "fast", "b", true, "enlarge", "s", "lanczos", "sharpen", "d", 0.5,
                             "smooth-edges", "d", 0.0, "remove-artefacts", "d", 1.0, "detach", "b", true, "keep-alive", "t",
                             UINT64_C(86400), "priority", "s", "batch", "tiling", "s", "xy", "precision", "s", "int8", "clip-skip", "u", 2, "loras",
                             "a(sd)", 2, "style of mine", 0.5, "other", -100.0),
                        0);
        const Request *q = &options.request;
        assert_string_equal(options.policy.model, "a-b_c.1");
        assert_string_equal(q->negative_prompt, "blur");
        assert_int_equal(q->width, 64);
        assert_int_equal(q->height, 2048);
        assert_int_equal(q->steps, 500);
        assert_true(q->seed == UINT64_MAX && options.has_seed);
        assert_true(q->guidance == 7.5);
        assert_int_equal(q->sampler, SAMPLER_DPMPP_2M);
        assert_int_equal(q->schedule, SIGMA_SCHEDULE_KARRAS);
        assert_int_equal(q->count, 64);
        assert_int_equal(q->preview_every, 3);
        assert_false(q->prompt_metadata);
        assert_true(q->fast);
        assert_int_equal(q->enlarge, ENLARGE_LANCZOS);
        assert_true(q->sharpen == 0.5 && q->smooth_edges == 0 && q->remove_artefacts == 1);
        assert_int_equal(q->tiling, TILING_BOTH);
        assert_int_equal(q->precision, PRECISION_INT8);
        assert_int_equal(q->clip_skip, 2);
        assert_int_equal(q->n_loras, 2);
        assert_string_equal(q->loras[0].name, "style of mine");
        assert_true(q->loras[0].weight == 0.5 && q->loras[1].weight == -100);
        assert_true(options.policy.detach);
        assert_int_equal(options.policy.keep_alive, 86400);
        assert_int_equal(options.policy.priority, PRIORITY_BATCH);
        assert_int_equal(request_check(q, NULL), 0);
}

#define assert_refused(what, ...)                                                \
        do {                                                                     \
                Error _e = {};                                                   \
                assert_int_equal(READ(&options, &_e, __VA_ARGS__), -EINVAL);     \
                if (strncmp(_e.text, what, strlen(what)) != 0)                   \
                        fail_msg("'%s' does not begin with '%s'", _e.text, what); \
        } while (0)

static void test_refusals_name_the_option(void **state)
{
        char long_text[REQUEST_PROMPT_MAX + 2];
        (void)state;

        assert_refused("foo: unknown", 1, "foo", "s", "bar");
        assert_refused(": unknown", 1, "", "s", "bar");
        assert_refused("Width: unknown", 1, "Width", "u", 64);
        assert_refused("width: must be of type u, not s", 1, "width", "s", "64");
        assert_refused("width: must be of type u, not i", 1, "width", "i", 64);
        assert_refused("width: must be of type u, not t", 1, "width", "t", UINT64_C(64));
        assert_refused("seed: must be of type t, not u", 1, "seed", "u", 64);
        assert_refused("guidance: must be of type d, not as", 1, "guidance", "as", 0);
        assert_refused("detach: must be of type b, not v", 1, "detach", "v", "b", true);
        assert_refused("width: given twice", 2, "width", "u", 64, "width", "u", 64);
        assert_refused("width: 0 is not between 16 and 2048", 1, "width", "u", 0);
        assert_refused("width: 15 is not", 1, "width", "u", 15);
        assert_refused("height: 2049 is not", 1, "height", "u", 2049);
        assert_refused("height: 4294967295 is not", 1, "height", "u", UINT32_MAX);
        assert_refused("steps: 0 is not between 1 and 500", 1, "steps", "u", 0);
        assert_refused("steps: 501 is not", 1, "steps", "u", 501);
        assert_refused("count: 0 is not", 1, "count", "u", 0);
        assert_refused("count: 65 is not", 1, "count", "u", 65);
        assert_refused("preview-every: 501", 1, "preview-every", "u", 501);
        assert_refused("guidance: -0.1 is not", 1, "guidance", "d", -0.1);
        assert_refused("guidance: 100.5 is not", 1, "guidance", "d", 100.5);
        assert_refused("guidance: ", 1, "guidance", "d", (double)NAN);
        assert_refused("guidance: ", 1, "guidance", "d", (double)INFINITY);
        assert_refused("sharpen: 1.01 is not between 0 and 1", 1, "sharpen", "d", 1.01);
        assert_refused("smooth-edges: -1 is not", 1, "smooth-edges", "d", -1.0);
        assert_refused("remove-artefacts: must be of type d, not b", 1, "remove-artefacts", "b", true);
        assert_refused("enlarge: must be none, lanczos or network", 1, "enlarge", "s", "");
        assert_refused("precision: must be auto, f32, bf16 or int8", 1, "precision", "s", "f16");
        assert_refused("hires: 0.5 is not between 1 and 4", 1, "hires", "d", 0.5);
        assert_refused("hires: 4.5 is not", 1, "hires", "d", 4.5);
        assert_refused("hires-strength: 1.5 is not between 0 and 1", 1, "hires-strength", "d", 1.5);
        assert_refused("tiling: must be none, x, y or xy", 1, "tiling", "s", "z");
        assert_refused("clip-skip: 13 is not between 1 and 12", 1, "clip-skip", "u", 13);
        assert_refused("clip-skip: 0 is not", 1, "clip-skip", "u", 0);
        assert_refused("loras: must be of type a(sd), not as", 1, "loras", "as", 1, "a");
        assert_refused("loras: \"../a\" cannot be", 1, "loras", "a(sd)", 1, "../a", 1.0);
        assert_refused("loras: \"\" cannot be", 1, "loras", "a(sd)", 1, "", 1.0);
        assert_refused("loras: more than 8", 1, "loras", "a(sd)", 9, "a", 1.0, "a", 1.0, "a", 1.0, "a", 1.0, "a", 1.0, "a", 1.0,
                       "a", 1.0, "a", 1.0, "a", 1.0);
        assert_int_equal(READ(&options, NULL, 1, "loras", "a(sd)", 1, "a", 100.5), 0);
        Error error = {};
        assert_int_equal(request_check(&options.request, &error), -EINVAL);
        assert_string_equal(error.text, "loras: a weight of 100.5 is not between -100 and 100");
        char long_alt_text[REQUEST_ALT_TEXT_MAX + 2] = "";
        memset(long_alt_text, 'a', sizeof(long_alt_text) - 1);
        assert_refused("alt-text: longer than 1023 bytes", 1, "alt-text", "s", long_alt_text);
        assert_int_equal(READ(&options, NULL, 1, "alt-text", "s", long_alt_text + 1), 0);
        assert_refused("creator: longer than 127 bytes", 1, "creator", "s", long_alt_text);
        assert_refused("created: must be of type t", 1, "created", "u", 1);
        assert_refused("format: must be png, jpeg or webp", 1, "format", "s", "gif");
        assert_refused("quality: 0 is not", 1, "quality", "u", 0);
        assert_refused("quality: 101 is not", 1, "quality", "u", 101);
        assert_refused("outpaint: 2049 is not between 0 and 2048", 1, "outpaint", "(uuuu)", 0, 0, 2049, 0);
        assert_refused("outpaint: must be of type (uuuu), not u", 1, "outpaint", "u", 8);
        assert_refused("mask-paints: must be bright, dark, opaque or clear", 1, "mask-paints", "s", "white");
        assert_refused("mask-blur: 257 is not between 0 and 256", 1, "mask-blur", "d", 257.0);
        assert_refused("strength: needs an init-image", 1, "strength", "d", 0.5);
        assert_refused("strength: 1.5 is not between 0 and 1", 1, "strength", "d", 1.5);
        assert_refused("init-image: must be of type h, not s", 1, "init-image", "s", "/etc/passwd");
        assert_refused("sampler: not one of ddim euler", 1, "sampler", "s", "");
        assert_refused("priority: must be", 1, "priority", "s", "urgent");
        assert_refused("keep-alive: at most 86400", 1, "keep-alive", "t", UINT64_C(86401));
        assert_refused("model: not a model's name", 1, "model", "s", "../etc");
        assert_refused("model: not a model's name", 1, "model", "s", "");

        memset(long_text, 'x', sizeof(long_text) - 1);
        long_text[sizeof(long_text) - 1] = '\0';
        assert_refused("negative-prompt: longer than 8192", 1, "negative-prompt", "s", long_text);
        assert_int_equal(READ(&options, NULL, 1, "negative-prompt", "s", long_text + 1), 0);
}

/* The first of ten thousand unknown keys ends it. */
static void test_a_flood_of_options(void **state)
{
        sd_bus_message *message = message_new();
        Error error = {};
        (void)state;

        assert_true(sd_bus_message_open_container(message, 'a', "{sv}") >= 0);
        assert_true(sd_bus_message_append(message, "{sv}", "width", "u", 64) >= 0);
        for (int i = 0; i < 10000; i++) {
                char name[16];
                (void)snprintf(name, sizeof(name), "key-%d", i);
                assert_true(sd_bus_message_append(message, "{sv}", name, "u", i) >= 0);
        }
        assert_true(sd_bus_message_close_container(message) >= 0);
        assert_int_equal(read_options(message, &options, &error), -EINVAL);
        assert_string_equal(error.text, "key-0: unknown option");
}

static void test_model_names(void **state)
{
        char name[MODEL_NAME_MAX + 2];
        (void)state;

        assert_true(model_name_is_valid("sd-1.5_x"));
        assert_false(model_name_is_valid(""));
        assert_false(model_name_is_valid("."));
        assert_false(model_name_is_valid(".."));
        assert_false(model_name_is_valid(".hidden"));
        assert_false(model_name_is_valid("a/b"));
        assert_false(model_name_is_valid("a b"));
        assert_false(model_name_is_valid("f\xc3\xbc" "chse"));
        memset(name, 'a', sizeof(name) - 1);
        name[MODEL_NAME_MAX + 1] = '\0';
        assert_false(model_name_is_valid(name));
        assert_true(model_name_is_valid(name + 1));
}

static void make_model(const char *directory, const char *name, bool complete)
{
        char path[256];

        (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
        assert_int_equal(mkdir(path, 0755), 0);
        (void)snprintf(path, sizeof(path), "%s/%s/%s", directory, name, complete ? "model_index.json" : "other.json");
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs("12345", file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static void test_finding_models(void **state)
{
        char base[] = "/tmp/imagined-test-XXXXXX", first[64], second[64], command[128];
        char *directories[] = { (char *)"/nonexistent", first, second, NULL };
        char name[MODEL_NAME_MAX + 1] = "";
        Models models;
        (void)state;

        assert_non_null(mkdtemp(base));
        (void)snprintf(first, sizeof(first), "%s/1", base);
        (void)snprintf(second, sizeof(second), "%s/2", base);
        assert_int_equal(mkdir(first, 0755), 0);
        assert_int_equal(mkdir(second, 0755), 0);
        make_model(first, "zebra", true);
        make_model(first, "incomplete", false);
        make_model(first, "bad name", true);
        make_model(second, "zebra", true);
        make_model(second, "ape", true);

        assert_int_equal(models_find(&models, directories), 0);
        assert_int_equal(models.n, 2);
        assert_string_equal(models.items[0].name, "ape");
        assert_string_equal(models.items[1].name, "zebra");
        assert_int_equal(strncmp(models.items[1].directory, first, strlen(first)), 0);
        models_clear(&models);

        _cleanup_(freep) char *directory = NULL, *any = NULL;
        assert_int_equal(models_resolve(directories, "ape", &directory, name, NULL), 0);
        assert_string_equal(name, "ape");
        assert_int_equal(models_resolve(directories, "", &any, name, NULL), 0);
        assert_string_equal(name, "zebra");
        assert_int_equal(models_resolve(directories, "incomplete", &any, name, NULL), -ENOPKG);
        assert_int_equal(models_resolve(directories, "../2/ape", &any, name, NULL), -ENOPKG);

        (void)snprintf(command, sizeof(command), "rm -rf '%s'", base);
        assert_int_equal(system(command), 0);
}

static void test_errors(void **state)
{
        sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        Error error;
        (void)state;

        assert_string_equal(error_bus_name(-EINVAL), IMAGINE_ERROR_INVALID_ARGS);
        assert_string_equal(error_bus_name(-EOWNERDEAD), IMAGINE_ERROR_WORKER_DIED);
        assert_string_equal(error_bus_name(-EXFULL), IMAGINE_ERROR_FAILED);
        assert_int_equal(error_of_load(-ENOENT), -EBADMSG);
        assert_int_equal(error_of_load(-ENOMEM), -ENOMEM);

        (void)error_set(&error, -EBUSY, "not now");
        assert_true(error_to_bus(&bus_error, &error) < 0);
        assert_string_equal(bus_error.name, IMAGINE_ERROR_BUSY);
        assert_string_equal(bus_error.message, "not now");
        sd_bus_error_free(&bus_error);
}

static void test_pictures(void **state)
{
        static const uint8_t head[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\0\x10";
        uint8_t copy[sizeof(head)];
        (void)state;

        _cleanup_(closep) int good = memfd_new_sealed("x", head, sizeof(head));
        assert_int_equal(picture_check(good, FORMAT_PNG, 256, 16), 0);
        assert_int_equal(picture_check(good, FORMAT_PNG, 16, 256), -EBADMSG);
        _cleanup_(closep) int cut = memfd_new_sealed("x", head, 23);
        assert_int_equal(picture_check(cut, FORMAT_PNG, 256, 16), -EBADMSG);
        memcpy(copy, head, sizeof(head));
        copy[1] = 'J';
        _cleanup_(closep) int other = memfd_new_sealed("x", copy, sizeof(copy));
        assert_int_equal(picture_check(other, FORMAT_PNG, 256, 16), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults),
                cmocka_unit_test(test_every_option),
                cmocka_unit_test(test_passing_on),
                cmocka_unit_test(test_refusals_name_the_option),
                cmocka_unit_test(test_a_flood_of_options),
                cmocka_unit_test(test_model_names),
                cmocka_unit_test(test_finding_models),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_pictures),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
