/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures from outside: those of tests/reference/make-pictures.py, whole, cut off, and broken. */

#include "engine/image/read.h"
#include "tests/engine/fixtures.h"

#define WIDTH 24
#define HEIGHT 20

static size_t load(const char *name, uint8_t ret[static 8192])
{
        char path[64];
        (void)snprintf(path, sizeof(path), "pictures/%s", name);
        _cleanup_(fclosep) FILE *f = fopen(fixture(path).text, "re");
        assert_non_null(f);
        size_t n = fread(ret, 1, 8192, f);
        assert_in_range(n, 12, 8191);
        return n;
}

static void check_channel(const char *name, int found, int expected, int tolerance)
{
        if (abs(found - expected) > tolerance)
                fail_msg("%s: %d instead of %d", name, found, expected);
}

static const struct {
        const char *name;
        int tolerance;
        bool grey, clear;
} readable[] = {
        { "rgb.png", 0, false, false },      { "rgba.png", 0, false, true },        { "grey.png", 0, true, false },
        { "baseline.jpg", 8, false, false }, { "progressive.jpg", 8, false, false }, { "grey.jpg", 8, true, false },
        { "lossy.webp", 24, false, false },  { "lossless.webp", 0, false, true },
};

static void test_readable(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(readable); i++) {
                _cleanup_(read_picture_done) ReadPicture picture = {};
                uint8_t data[8192];
                Error error = {};
                size_t size = load(readable[i].name, data);

                if (read_picture(&picture, "init-image", data, size, &error) < 0)
                        fail_msg("%s: %s", readable[i].name, error.text);
                assert_int_equal(picture.width, WIDTH);
                assert_int_equal(picture.height, HEIGHT);
                for (int y = 0; y < HEIGHT; y++)
                        for (int x = 0; x < WIDTH; x++) {
                                const uint8_t *p = picture.rgba + (y * WIDTH + x) * 4;
                                int grey = (x * 10 * 299 + y * 12 * 587 + 128 * 114) / 1000;
                                int tolerance = readable[i].tolerance + (readable[i].grey ? 1 : 0);
                                check_channel(readable[i].name, p[0], readable[i].grey ? grey : x * 10, tolerance);
                                check_channel(readable[i].name, p[1], readable[i].grey ? grey : y * 12, tolerance);
                                check_channel(readable[i].name, p[2], readable[i].grey ? grey : 128, tolerance);
                                assert_int_equal(p[3], readable[i].clear && x < 12 ? 128 : 255);
                        }
        }
}

/* Cut off anywhere, or with any byte changed, a picture is read or refused with a sentence, and nothing else happens. */
static void test_broken(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(readable); i++) {
                uint8_t data[8192];
                size_t size = load(readable[i].name, data);

                for (size_t n = 0; n < size; n++) {
                        ReadPicture picture = {};
                        Error error = {};
                        uint8_t before = data[n];
                        int r = read_picture(&picture, "init-image", data, n, &error);
                        /* An end mark may be missing; what was read is whole then. */
                        if (r < 0)
                                assert_int_equal(strncmp(error.text, "init-image: ", 12), 0);
                        else
                                assert_true(n + 16 >= size);
                        read_picture_done(&picture);

                        data[n] ^= 0x55;
                        (void)read_picture(&picture, "init-image", data, size, NULL);
                        read_picture_done(&picture);
                        data[n] = before;
                }
        }
}

static void expect_error(const void *data, size_t size, int code, const char *text)
{
        ReadPicture picture = {};
        Error error = {};

        assert_int_equal(read_picture(&picture, "mask", data, size, &error), code);
        assert_string_equal(error.text, text);
        assert_null(picture.rgba);
}

static void test_refused(void **state)
{
        (void)state;
        uint8_t data[8192];
        size_t size = load("cmyk.jpg", data);
        expect_error(data, size, -EOPNOTSUPP, "mask: a JPEG in CMYK");
        size = load("animated.webp", data);
        expect_error(data, size, -EOPNOTSUPP, "mask: an animated WebP");
        expect_error("GIF89a; and some more", 21, -EOPNOTSUPP, "mask: neither PNG nor JPEG nor WebP");
        expect_error("", 0, -EOPNOTSUPP, "mask: neither PNG nor JPEG nor WebP");
        expect_error(data, READ_BYTES_MAX + 1, -EFBIG, "mask: more than 32 MiB"); /* not looked at */

        /* A bomb: the header alone says 65500 x 65500. */
        static const uint8_t sides[] = { 0xff, 0xdc, 0xff, 0xdc };
        size = load("baseline.jpg", data);
        for (size_t i = 0; i + 9 < size; i++)
                if (data[i] == 0xff && data[i + 1] == 0xc0)
                        memcpy(data + i + 5, sides, sizeof(sides));
        expect_error(data, size, -EFBIG, "mask: 65500 x 65500 pixels; at most 8192 a side and 32 megapixels");
}

/* Bits to bytes, as JPEG has them: 0xff is followed by 0, and the last byte filled up with ones. */
typedef struct Bits {
        uint8_t *to;
        uint32_t waiting;
        int n;
} Bits;

static void put_bits(Bits *bits, uint32_t value, int n)
{
        for (int i = n - 1; i >= 0; i--) {
                bits->waiting = bits->waiting << 1 | (value >> i & 1);
                if (++bits->n < 8)
                        continue;
                *bits->to++ = (uint8_t)bits->waiting;
                if ((bits->waiting & 0xff) == 0xff)
                        *bits->to++ = 0;
                bits->n = 0;
        }
}

static uint8_t *put_bytes(uint8_t *to, const void *bytes, size_t size)
{
        memcpy(to, bytes, size);
        return to + size;
}

/* The scan of one coefficient of all blocks, one bit of it (the first of them all bits from there on): nothing, for as many
 * blocks at once as can be said. */
static uint8_t *put_scan(uint8_t *to, unsigned blocks, unsigned coefficient, unsigned bit)
{
        enum { TOP = 13, RUN = 1 << 14 };
        const uint8_t head[] = { 0xff, 0xda, 0, 8, 1, 1, 0, (uint8_t)coefficient, (uint8_t)coefficient,
                                 (uint8_t)((bit == TOP ? 0 : (bit + 1) << 4) | bit) };
        Bits bits = { .to = put_bytes(to, head, sizeof(head)) };

        for (unsigned left = blocks; left > 0;) {
                const unsigned run = left < 2 * RUN ? left : RUN;
                assert_true(run >= RUN);
                put_bits(&bits, run - RUN, 15); /* the code of a run is one bit, 0 */
                left -= run;
        }
        if (bits.n > 0)
                put_bits(&bits, 0xff, 8 - bits.n);
        return bits.to;
}

/* A grey picture of 1024 x 2048 pixels in so many scans, each of which makes the decoder go through all of it: 16 bytes
 * for 32,768 blocks. */
static size_t make_bomb(uint8_t *ret, unsigned scans)
{
        enum { BLOCKS = 128 * 256 };
        static const uint8_t head[] = { 0xff, 0xd8, 0xff, 0xc2, 0, 11, 8, 8, 0, 4, 0, 1, 1, 0x11, 0, 0xff, 0xdb, 0, 67, 0 };
        static const uint8_t tables[] = { 0xff, 0xc4, 0, 20, 0,    1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                          0xff, 0xc4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xe0 };
        static const uint8_t first[] = { 0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0 };
        uint8_t *to = put_bytes(ret, head, sizeof(head));

        memset(to, 1, 64);
        to = put_bytes(to + 64, tables, sizeof(tables));
        to = put_bytes(to, first, sizeof(first));
        memset(to, 0, BLOCKS / 8);
        to += BLOCKS / 8;
        for (unsigned i = 0; i + 1 < scans; i++)
                to = put_scan(to, BLOCKS, 1 + i % 63, 13 - i / 63);
        return (size_t)(put_bytes(to, "\xff\xd9", 2) - ret);
}

static void test_scans(void **state)
{
        (void)state;
        enum { MOST = 100 };
        _cleanup_(read_picture_done) ReadPicture picture = {};
        _cleanup_(freep) uint8_t *data = malloc(65536);
        Error error = {};

        assert_non_null(data);
        if (read_picture(&picture, "mask", data, make_bomb(data, MOST), &error) < 0)
                fail_msg("%s", error.text);
        assert_int_equal(picture.width, 1024);
        assert_int_equal(picture.height, 2048);
        assert_int_equal(picture.rgba[0], 128);
        expect_error(data, make_bomb(data, MOST + 1), -EBADMSG, "mask: a broken JPEG: more than 100 scans");
        expect_error(data, make_bomb(data, 800), -EBADMSG, "mask: a broken JPEG: more than 100 scans");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_readable),
                cmocka_unit_test(test_broken),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_scans),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
