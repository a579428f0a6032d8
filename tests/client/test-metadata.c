/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Settings that other programs have written into pictures (tests/reference/make-metadata.py). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/metadata/made.h"
#include "client/metadata/metadata.h"
#include "client/metadata/rewrite.h"
#include "client/settings.h"
#include "marks/xmp.h"

#define FOLDER "tests/fixtures/metadata/"

static void *read_file(const char *name, size_t *ret_size)
{
        char path[128];
        (void)snprintf(path, sizeof(path), FOLDER "%s", name);
        _cleanup_(fclosep) FILE *f = fopen(path, "re");
        uint8_t *data = malloc(65536);

        assert_non_null(f);
        assert_non_null(data);
        *ret_size = fread(data, 1, 65536, f);
        assert_in_range(*ret_size, 12, 65535);
        return realloc(data, *ret_size); /* so that a sanitizer sees its end */
}

#define OURS                                                                                                         \
        "imagined", "a lighthouse, <small>", "blur",                                                                 \
                "Steps=2|Sampler=Euler a|CFG scale=4|Seed=7|Size=16x16|Model=tiny|Prompt tokens=9|Precision=bf16|Version=imagined 0.1.0|"
#define WEBUI(place)                                                                                                 \
        "a lighthouse at " place ", (stormy:1.2)\nsecond line", "blurry, text",                                      \
                "Steps=28|Sampler=DPM++ 2M|Schedule type=Karras|CFG scale=6.5|Seed=1234567890|Size=640x448|Model "   \
                "hash=0a1b2c3d|Model=ink: a, b|Lora hashes=ink: 0123, wash: 4567|Version=v1.10.1|"
#define COMFY                                                                                                        \
        "a lighthouse, \"日本\" <lora:ink:0.75>", "blurry",                                                           \
                "Steps=30|Sampler=euler_ancestral|Schedule type=karras|CFG scale=8|Seed=18446744073709551615|"       \
                "Size=512x768|Model=v1-5.safetensors|Version=ComfyUI|"

static const struct {
        const char *file, *program, *prompt, *negative, *values;
} cases[] = {
        { "ours.png", OURS },
        { "ours.jpg", OURS },
        { "ours.webp", OURS },
        { "webui-latin1.png", "AUTOMATIC1111", WEBUI("Größe") },
        { "webui-unicode.png", "AUTOMATIC1111", WEBUI("日本 🗼") },
        { "webui-compressed.png", "AUTOMATIC1111", WEBUI("Größe") },
        { "webui.jpg", "AUTOMATIC1111", WEBUI("日本 🗼") },
        { "webui-little.jpg", "AUTOMATIC1111", WEBUI("Größe") },
        { "webui-mixed.jpg", "AUTOMATIC1111", WEBUI("Größe") },
        { "webui.webp", "AUTOMATIC1111", WEBUI("日本 🗼") },
        { "sd-cpp.png", "stable-diffusion.cpp", "a lighthouse", "blurry",
          "Steps=20|CFG scale=7.000000|Guidance=3.500000|Eta=0.000000|Seed=42|Size=512x512|Model=v1-5.safetensors|RNG=cuda|"
          "Sampler=euler_a karras|Version=stable-diffusion.cpp|" },
        { "comfyui.png", "ComfyUI", COMFY },
        { "comfyui.webp", "ComfyUI", COMFY },
        { "comfyui-custom.png", "ComfyUI", "a lighthouse", "",
          "Steps=4|Sampler=euler|Schedule type=simple|Seed=77|Size=1024x1024|Model=flow.safetensors|Denoising strength=0.6|"
          "Version=ComfyUI|" },
        { "comfyui-round.png", "ComfyUI", "", "", "Steps=5|Version=ComfyUI|" },
        { "invokeai.png", "InvokeAI", "a lighthouse <lora:ink:0.5>", "blurry",
          "Steps=25|Sampler=dpmpp_2m_k|CFG scale=7.5|Seed=99|Size=768x512|Model=Paints: one|Clip skip=0|Version=InvokeAI 5.6.0|" },
        { "invokeai-2.png", "InvokeAI", "a lighthouse", "",
          "Steps=50|Sampler=k_lms|CFG scale=7.5|Seed=1075609311|Size=512x512|Model=stable-diffusion-1.5|Version=InvokeAI 2.3.5|" },
};

/* "Name=value|" of each. */
static char *join_values(const Settings *settings)
{
        char *text, *name, *value;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        for (const char *at = settings->values; settings_next(&at, &name, &value) > 0; free(name), free(value))
                (void)fprintf(f, "%s=%s|", name, value);
        assert_int_equal(fclose(f), 0);
        return text;
}

static void test_programs(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(settings_done) Settings settings = { 0 };
                size_t size;
                _cleanup_(freep) void *data = read_file(cases[i].file, &size);

                print_message("%s\n", cases[i].file);
                assert_int_equal(settings_find(data, size, &settings), 1);
                _cleanup_(freep) char *values = join_values(&settings);
                assert_string_equal(settings.program, cases[i].program);
                assert_string_equal(settings.prompt, cases[i].prompt);
                assert_string_equal(settings.negative, cases[i].negative);
                assert_string_equal(values, cases[i].values);
        }
}

static void test_nothing(void **state)
{
        static const char *const files[] = { "plain.png", "broken.png", "c2pa.png" };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                _cleanup_(settings_done) Settings settings = { 0 };
                _cleanup_(metadata_done) Metadata metadata = { 0 };
                size_t size;
                _cleanup_(freep) void *data = read_file(files[i], &size);

                assert_int_equal(settings_find(data, size, &settings), 0);
                assert_null(settings.text);
                assert_int_equal(metadata_read(data, size, &metadata), 1);
                assert_string_equal(metadata.container, "png");
                assert_int_equal(metadata.has_c2pa, streq(files[i], "c2pa.png"));
        }
}

/* The marks of our own are in each container. */
static void test_marks(void **state)
{
        static const char *const files[] = { "ours.png", "ours.jpg", "ours.webp" };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                _cleanup_(metadata_done) Metadata metadata = { 0 };
                _cleanup_(marks_done) Marks marks = { 0 };
                size_t size;
                _cleanup_(freep) void *data = read_file(files[i], &size);

                assert_int_equal(metadata_read(data, size, &metadata), 1);
                assert_non_null(metadata.xmp);
                assert_int_equal(xmp_read(metadata.xmp, metadata.xmp_size, &marks), 0);
                assert_string_equal(marks.values[MARK_SOURCE_TYPE], SOURCE_TYPE_TRAINED);
                assert_string_equal(marks.values[MARK_SYSTEM], "tiny");
                assert_string_equal(marks.values[MARK_PROMPT], "a lighthouse, <small>\nNegative prompt: blur");
                assert_string_equal(marks.values[MARK_ALT_TEXT], "a lighthouse");
                assert_string_equal(marks.values[MARK_CREATOR], "Jo");
                assert_string_equal(marks.values[MARK_DATE], "2023-11-14T22:13:20Z");
        }
}

/* Another packet in the place of the old one, and nothing else another. */
static void test_rewriting(void **state)
{
        static const char *const files[] = { "ours.png", "ours.jpg", "ours.webp", "webui.webp", "webui.jpg", "comfyui.png", "webui-unicode.png" };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                _cleanup_(metadata_done) Metadata metadata = { 0 }, before = { 0 };
                _cleanup_(marks_done) Marks changes = { 0 }, marks = { 0 };
                _cleanup_(freep) uint8_t *changed = NULL, *again = NULL;
                _cleanup_(freep) char *xmp = NULL;
                size_t size, xmp_size, changed_size, again_size;
                _cleanup_(freep) void *data = read_file(files[i], &size);

                assert_int_equal(metadata_read(data, size, &before), 1);
                assert_int_equal(marks_set(&changes, MARK_ALT_TEXT, "ein Leuchtturm%s", i % 2 ? "" : "!"), 0);
                assert_int_equal(xmp_change(before.xmp, before.xmp_size, &changes, 65000, &xmp, &xmp_size), 0);
                assert_int_equal(metadata_rewrite(data, size, xmp, xmp_size, &changed, &changed_size), 0);
                assert_int_equal(metadata_read(changed, changed_size, &metadata), 1);
                assert_int_equal(xmp_read(metadata.xmp, metadata.xmp_size, &marks), 0);
                assert_string_equal(marks.values[MARK_ALT_TEXT], changes.values[MARK_ALT_TEXT]);
                if (before.xmp)
                        assert_string_equal(marks.values[MARK_SYSTEM], "tiny");
                assert_int_equal(metadata.n_texts, before.n_texts);
                for (size_t k = 0; k < metadata.n_texts; k++)
                        assert_string_equal(metadata.texts[k].text, before.texts[k].text);
                /* There is one packet afterwards, so that doing it twice changes nothing. */
                assert_int_equal(metadata_rewrite(changed, changed_size, xmp, xmp_size, &again, &again_size), 0);
                assert_int_equal(again_size, changed_size);
                assert_memory_equal(again, changed, changed_size);
                for (size_t end = 0; end < size; end++) {
                        _cleanup_(freep) uint8_t *nothing = NULL;
                        _cleanup_(freep) void *part = malloc(end + 1);
                        assert_non_null(part);
                        memcpy(part, data, end);
                        (void)metadata_rewrite(part, end, xmp, xmp_size, &nothing, &again_size);
                }
        }
}

/* It begins as a JPEG and goes on as a WebP: it is one of them, not one after the other. */
static void test_two_at_once(void **state)
{
        static const uint8_t jpeg[] = { 0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F' };
        _cleanup_(freep) uint8_t *changed = NULL;
        size_t size, changed_size;
        _cleanup_(freep) uint8_t *data = read_file("ours.webp", &size);
        (void)state;

        assert_true(size > 30);
        memcpy(data, jpeg, sizeof(jpeg));
        assert_int_equal(metadata_rewrite(data, size, "<x/>", 4, &changed, &changed_size), -EBADMSG);
        data[0] = 0; /* no JPEG any more, but no RIFF either */
        assert_int_equal(metadata_rewrite(data, size, "<x/>", 4, &changed, &changed_size), -EOPNOTSUPP);
        assert_null(changed);
}

/* Wherever a file ends, or one of its bytes is another, it is read within its bytes. */
static void test_broken(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                size_t size;
                _cleanup_(freep) uint8_t *data = read_file(cases[i].file, &size);

                for (size_t end = 0; end < size; end++) {
                        _cleanup_(metadata_done) Metadata metadata = { 0 };
                        _cleanup_(freep) void *part = malloc(end + 1);
                        assert_non_null(part);
                        memcpy(part, data, end);
                        assert_true(metadata_read(part, end, &metadata) >= 0);
                }
                for (size_t at = 0; at < size; at++) {
                        _cleanup_(settings_done) Settings settings = { 0 };
                        const uint8_t was = data[at];
                        data[at] = 0xff;
                        assert_true(settings_find(data, size, &settings) >= 0);
                        data[at] = was;
                }
        }
}

static void check_value(const char *values, const char *name, const char *expected)
{
        const Settings settings = { .values = (char *)values };
        char text[32] = "nothing";

        assert_int_equal(settings_value(&settings, name, text, sizeof(text)), expected != NULL);
        assert_string_equal(text, expected ? expected : "nothing");
}

static void test_values(void **state)
{
        (void)state;
        check_value("Steps: 3, Model: \"a, Seed: 1\", Seed: 42", "Seed", "42");
        check_value("Steps: 3, Model: \"a, \\\"b\\\": c\", Seed: 42", "Model", "a, \"b\": c");
        check_value("Steps: 3, Model: \"a\" b, Seed: 42", "Model", "\"a\" b");
        check_value("Steps: 3, Model: \"a, Seed: 42", "Model", "\"a");
        check_value("Steps: 3, Model: \"a, Seed: 42", "Seed", "42");
        check_value("Steps: 3, Model:, Seed: 42", "Model", "");
        check_value("Steps: 3, fragment, Seed:42", "Seed", "42");
        check_value("Steps: 3", "Seed", NULL);
        check_value("Steps", "Steps", NULL);
        check_value("", "Steps", NULL);
}

static void check_json(const char *text, const char *expected)
{
        json_t *value = made_parse(text);
        char *printed = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

        json_decref(value);
        if (expected)
                assert_string_equal(printed, expected);
        else
                assert_null(printed);
        free(printed);
}

static void test_json(void **state)
{
        (void)state;
        check_json("{\"a\": [NaN, Infinity, -Infinity]}", "{\"a\":[null,null,null]}");
        check_json("{\"NaN \\\" NaN\": \"a\\\\\"}", "{\"NaN \\\" NaN\":\"a\\\\\"}");
        check_json("[999999999999999999, 1234567890123456789, -5, 1.5e3, true]",
                   "[999999999999999999,\"1234567890123456789\",-5,1500.0,true]");
        check_json("[\"open", NULL);
        check_json("[\"open\\", NULL);
        check_json("[a]", NULL);
        check_json("", NULL);
}

/* What is a letter there, and none of JSON's, has no end. */
static void test_other_letters(void **state)
{
        char folder[] = "/tmp/imagined-test-XXXXXX", command[128];
        (void)state;

        assert_non_null(mkdtemp(folder));
        (void)snprintf(command, sizeof(command), "localedef -i de_DE -f ISO-8859-1 %s/latin 2>/dev/null", folder);
        (void)!system(command);
        (void)setenv("LOCPATH", folder, 1);
        const bool is_there = setlocale(LC_CTYPE, "latin");
        if (is_there)
                check_json("[\xe4]", NULL);
        (void)setlocale(LC_CTYPE, "C");
        (void)unsetenv("LOCPATH");
        (void)snprintf(command, sizeof(command), "rm -r %s", folder);
        assert_int_equal(system(command), 0);
        if (!is_there) {
                print_message("no locale of Latin-1 can be made\n");
                skip();
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_programs),    cmocka_unit_test(test_nothing), cmocka_unit_test(test_marks),  cmocka_unit_test(test_rewriting),
                cmocka_unit_test(test_two_at_once), cmocka_unit_test(test_broken),  cmocka_unit_test(test_values), cmocka_unit_test(test_json),
                cmocka_unit_test(test_other_letters),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
