/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What becomes of pictures that others drew, by the real worker without a model: sizes, formats, stamps, and pictures that
 * were made to do harm. */

#include "jobs.h"

#include "base/io.h"
#include "engine/image/mask.h"
#include "engine/image/png.h"
#include "engine/image/read.h"

static Child start_decoder(void)
{
        Child child = { .fd = -1 };
        int sockets[2];
        char number[16];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
        child.pid = fork();
        assert_true(child.pid >= 0);
        if (child.pid == 0) {
                (void)snprintf(number, sizeof(number), "%d", dup(sockets[1])); /* without close-on-exec */
                (void)execl(engine_program(), "imagined-engine", "--socket", number, "--decode", (char *)NULL);
                _exit(126);
        }
        (void)close(sockets[1]);
        child.socket = sockets[0];
        child.message = calloc(1, sizeof(Message));
        assert_non_null(child.message);
        return child;
}

static void tell(const Child *child, const Message *job, const Provenance *by)
{
        Message *m = malloc(sizeof(Message));

        assert_non_null(m);
        assert_int_equal(protocol_send(child->socket, job, -1), 0);
        *m = (Message) { .version = PROTOCOL_VERSION, .type = MESSAGE_PROVENANCE, .job = job->job };
        m->provenance = *by;
        assert_int_equal(protocol_send(child->socket, m, -1), 0);
        free(m);
}

static void send_bytes(const Child *child, const ForeignInfo *info, const void *data, size_t size)
{
        Message m = { .version = PROTOCOL_VERSION, .type = MESSAGE_FOREIGN, .job = 1 };
        _cleanup_(closep) int fd = memfd_new_sealed("foreign", data, size);

        m.foreign = *info;
        assert_true(fd >= 0);
        assert_int_equal(protocol_send(child->socket, &m, fd), 0);
}

/* A picture without any mark, the left half red and the right half blue. */
static void send_halves(const Child *child, const ForeignInfo *info, uint32_t width, uint32_t height)
{
        Picture picture = { .width = width, .height = height, .rgb = calloc((size_t)width * height, 3) };
        void *data = NULL;
        size_t size;

        assert_non_null(picture.rgb);
        for (size_t i = 0; i < (size_t)width * height; i++)
                picture.rgb[3 * i + (i % width < width / 2 ? 0 : 2)] = 200;
        assert_int_equal(picture_to_png(&picture, &(PictureTexts) {}, &data, &size, NULL), 0);
        send_bytes(child, info, data, size);
        free(picture.rgb);
        free(data);
}

/* What came with the last message. */
static char *take_file(const Child *child, size_t *ret_size)
{
        char *data;

        assert_true(memfd_check_sealed(child->fd, PROTOCOL_PICTURE_BYTES_MAX, ret_size) >= 0);
        data = malloc(*ret_size + 1);
        assert_non_null(data);
        assert_int_equal(pread(child->fd, data, *ret_size, 0), *ret_size);
        data[*ret_size] = '\0';
        return data;
}

static bool has(const char *data, size_t size, const char *text)
{
        return memmem(data, size, text, strlen(text));
}

static const Provenance openai = {
        .provider = "dalle", .service = "openai", .model = "gpt-image-1", .licence = "as their terms have it",
        .terms = "https://openai.example/terms", .attribution = "by a machine", .seeded = true, .currency = "USD",
};

static void test_size_and_stamp(void **state)
{
        _cleanup_(freep) Message *job = new_job(1, "a red fox");
        _cleanup_(read_picture_done) ReadPicture picture = {};
        Child child = start_decoder();
        size_t size;
        (void)state;

        job->generate.width = 64;
        job->generate.height = 64;
        tell(&child, job, &openai);
        send_halves(&child, &(ForeignInfo) { .use = FOREIGN_RESULT, .picture = 3, .seed = 77 }, 96, 48);
        const Message *m = expect(&child, MESSAGE_PICTURE, 1);
        assert_true(m->picture.picture == 3 && m->picture.width == 64 && m->picture.height == 64 && m->picture.seed == 77);
        _cleanup_(freep) char *data = take_file(&child, &size);
        static const char *const texts[] = {
                "a red fox", "Seed: 77", "Size: 64x64", "Model: gpt-image-1", "Provider: dalle", "trainedAlgorithmicMedia",
                "https://openai.example/terms", "as their terms have it", "by a machine", "=\"openai\"",
        };
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (!has(data, size, texts[i]))
                        fail_msg("'%s' is missing", texts[i]);
        /* The middle of it: red at the left, blue at the right, nothing squeezed. */
        assert_int_equal(read_picture(&picture, "it", data, size, NULL), 0);
        const uint8_t *left = picture.rgba + (32 * 64 + 8) * 4, *right = picture.rgba + (32 * 64 + 56) * 4;
        assert_true(left[0] > 190 && left[2] < 10 && right[2] > 190 && right[0] < 10);
        assert_int_equal(finish(&child), 0);
}

static void test_own_size(void **state)
{
        static const struct {
                uint32_t width, height, asked_width, asked_height, expected_width, expected_height;
        } cases[] = {
                { 96, 48, 0, 0, 96, 48 }, { 96, 48, 48, 0, 48, 24 }, { 96, 48, 0, 96, 192, 96 }, { 4096, 1024, 0, 0, 2048, 512 },
        };
        Child child = start_decoder();
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) Message *job = new_job(1, "");
                job->generate.width = cases[i].asked_width;
                job->generate.height = cases[i].asked_height;
                tell(&child, job, &openai);
                send_halves(&child, &(ForeignInfo) { .use = FOREIGN_RESULT }, cases[i].width, cases[i].height);
                const Message *m = expect(&child, MESSAGE_PICTURE, 1);
                assert_int_equal(m->picture.width, cases[i].expected_width);
                assert_int_equal(m->picture.height, cases[i].expected_height);
        }
        assert_int_equal(finish(&child), 0);
}

/* In each format, with touches, and without a word of the prompt where it is not wanted. */
static void test_formats(void **state)
{
        static const char *const starts[] = { [FORMAT_PNG] = "\x89PNG", [FORMAT_JPEG] = "\xff\xd8\xff", [FORMAT_WEBP] = "RIFF" };
        Child child = start_decoder();
        (void)state;

        for (unsigned format = 0; format < FORMAT_MAX; format++) {
                _cleanup_(freep) Message *job = new_job(1, "a secret fox");
                size_t size;
                job->generate.format = (uint8_t)format;
                job->generate.prompt_metadata = false;
                job->generate.sharpen = job->generate.smooth_edges = job->generate.remove_artefacts = 1;
                tell(&child, job, &openai);
                send_halves(&child, &(ForeignInfo) { .use = FOREIGN_RESULT }, 64, 32);
                (void)expect(&child, MESSAGE_PICTURE, 1);
                _cleanup_(freep) char *data = take_file(&child, &size);
                assert_memory_equal(data, starts[format], strlen(starts[format]));
                assert_false(has(data, size, "secret"));
                assert_true(has(data, size, "trainedAlgorithmicMedia"));
        }
        assert_int_equal(finish(&child), 0);
}

static void test_previews_and_sources(void **state)
{
        _cleanup_(freep) Message *job = new_job(1, "a secret fox");
        Child child = start_decoder();
        size_t size;
        (void)state;

        tell(&child, job, &openai);
        send_halves(&child, &(ForeignInfo) { .use = FOREIGN_PREVIEW, .picture = 1 }, 1024, 512);
        const Message *m = expect(&child, MESSAGE_PREVIEW_IS, 1);
        assert_true(m->preview.picture == 1 && m->preview.width == 256 && m->preview.height == 128);
        send_halves(&child, &(ForeignInfo) { .use = FOREIGN_SOURCE, .width = 48, .height = 48 }, 96, 48);
        m = expect(&child, MESSAGE_PICTURE, 1);
        assert_true(m->picture.width == 48 && m->picture.height == 48);
        _cleanup_(freep) char *data = take_file(&child, &size);
        assert_false(has(data, size, "secret"));
        assert_false(has(data, size, "dalle"));
        assert_int_equal(finish(&child), 0);
}

/* The pixel in the middle of the left half, or of the right one, of the mask that is to be sent. */
static void assert_mask(Child *child, ForeignUse use, const void *mask, size_t mask_size, const uint8_t left[4], const uint8_t right[4])
{
        _cleanup_(read_picture_done) ReadPicture sent = {};
        size_t size;

        send_bytes(child, &(ForeignInfo) { .use = use, .width = 64, .height = 32 }, mask, mask_size);
        (void)expect(child, MESSAGE_PICTURE, 1);
        _cleanup_(freep) char *data = take_file(child, &size);
        assert_int_equal(read_picture(&sent, "sent", data, size, NULL), 0);
        assert_true(sent.width == 64 && sent.height == 32);
        assert_memory_equal(sent.rgba + ((size_t)16 * 64 + 16) * 4, left, 4);
        assert_memory_equal(sent.rgba + ((size_t)16 * 64 + 48) * 4, right, 4);
}

/* One that is bright on its right half, and one that is transparent there, are sent in either way. */
static void test_masks(void **state)
{
        static const uint8_t black[] = { 0, 0, 0, 255 }, white[] = { 255, 255, 255, 255 }, clear[] = { 0, 0, 0, 0 };
        _cleanup_(freep) Message *job = new_job(1, "a fox");
        _cleanup_(freep) void *bright = NULL, *transparent = NULL;
        uint8_t rgb[128 * 64 * 3] = {};
        const Picture picture = { 128, 64, rgb };
        size_t bright_size, transparent_size;
        Child child = start_decoder();
        (void)state;

        for (size_t i = 0; i < sizeof(rgb); i++)
                rgb[i] = i / 3 % 128 < 64 ? 0 : 255;
        assert_int_equal(picture_to_png(&picture, &(PictureTexts) {}, &bright, &bright_size, NULL), 0);
        assert_int_equal(mask_to_clear_png(&picture, &transparent, &transparent_size, NULL), 0);
        tell(&child, job, &openai);
        assert_mask(&child, FOREIGN_MASK_BRIGHT, bright, bright_size, black, white);
        assert_mask(&child, FOREIGN_MASK_CLEAR, bright, bright_size, black, clear);
        assert_mask(&child, FOREIGN_MASK_BRIGHT, transparent, transparent_size, black, white);
        assert_mask(&child, FOREIGN_MASK_CLEAR, transparent, transparent_size, black, clear);
        /* A deviation of 32 pixels of the mask is 16 of what is sent. The pixels lie at 15.5/16 and 16.5/16 of it from the edge, where the
         * normal distribution up to its third deviation has passed 0.165 and 0.850 of 255. */
        job->generate.inputs = 1U << INPUT_IMAGE | 1U << INPUT_MASK;
        job->generate.strength = 1;
        job->generate.mask_blur = 32;
        tell(&child, job, &openai);
        assert_mask(&child, FOREIGN_MASK_BRIGHT, bright, bright_size, (const uint8_t[]) { 42, 42, 42, 255 }, (const uint8_t[]) { 217, 217, 217, 255 });
        assert_mask(&child, FOREIGN_MASK_CLEAR, bright, bright_size, black, clear);
        assert_int_equal(finish(&child), 0);
}

/* Each is an error of that picture, after which the worker goes on. */
static void test_hostile_pictures(void **state)
{
        static const char bomb[] = /* a PNG that says it has 65535 x 65535 pixels */
                        "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff\x08\x06\0\0\0\0\0\0\0";
        static const char html[] = "<!DOCTYPE html><html><body>Not a picture, whatever the server calls it</body></html>";
        static const struct {
                const char *data;
                size_t size;
        } cases[] = { { bomb, sizeof(bomb) - 1 }, { html, sizeof(html) - 1 }, { "\x89PNG\r\n\x1a\n", 8 }, { "\xff\xd8\xff\xe0garbage-garbage", 19 },
                      { "RIFF\xff\xff\xff\xffWEBPVP8 \xff\xff\xff\xff", 20 }, { "x", 1 } };
        _cleanup_(freep) Message *job = new_job(1, "");
        Child child = start_decoder();
        (void)state;

        tell(&child, job, &openai);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                send_bytes(&child, &(ForeignInfo) { .use = FOREIGN_RESULT }, cases[i].data, cases[i].size);
                (void)expect(&child, MESSAGE_FAILED, 1);
                assert_non_null(strstr(child.message->failed.text, "picture"));
        }
        send_halves(&child, &(ForeignInfo) { .use = FOREIGN_RESULT }, 64, 32);
        (void)expect(&child, MESSAGE_PICTURE, 1);
        assert_int_equal(finish(&child), 0);
}

/* A picture without a request before it is none that it may be asked for. */
static void test_order(void **state)
{
        Child child = start_decoder();
        (void)state;

        send_halves(&child, &(ForeignInfo) { .use = FOREIGN_RESULT }, 64, 32);
        assert_int_not_equal(finish(&child), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_size_and_stamp),       cmocka_unit_test(test_own_size),         cmocka_unit_test(test_formats),
                cmocka_unit_test(test_previews_and_sources), cmocka_unit_test(test_masks), cmocka_unit_test(test_hostile_pictures), cmocka_unit_test(test_order),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
