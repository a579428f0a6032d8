/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GGUF: numbers in blocks, and every way in which a file can lie. */

#include "engine/layers/loader.h"
#include "tests/engine/fixtures.h"

static char path[] = "/tmp/gguf-XXXXXX";

typedef struct Bytes {
        uint8_t data[8192];
        size_t n;
} Bytes;

static void put(Bytes *b, const void *data, size_t n)
{
        assert_true(b->n + n <= sizeof b->data);
        memcpy(b->data + b->n, data, n);
        b->n += n;
}

static void put_u32(Bytes *b, uint32_t x)
{
        put(b, &x, sizeof x);
}

static void put_u64(Bytes *b, uint64_t x)
{
        put(b, &x, sizeof x);
}

static void put_string(Bytes *b, const char *text)
{
        put_u64(b, strlen(text));
        put(b, text, strlen(text));
}

static void put_tensor(Bytes *b, const char *name, uint64_t columns, uint64_t rows, uint32_t type, uint64_t offset)
{
        put_string(b, name);
        put_u32(b, 2);
        put_u64(b, columns);
        put_u64(b, rows);
        put_u32(b, type);
        put_u64(b, offset);
}

static int open_bytes(const uint8_t *data, size_t n, Safetensors **ret, Error *error)
{
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        assert_int_equal(fwrite(data, 1, n, f), n);
        assert_int_equal(fclose(f), 0);
        return tensor_file_open(ret, path, error);
}

/* Two rows of 32, of both kinds of blocks: scale 0.5, numbers that rise. */
static Bytes good_file(void)
{
        Bytes b = {};

        put(&b, "GGUF", 4);
        put_u32(&b, 3);
        put_u64(&b, 2);
        put_u64(&b, 1);
        put_string(&b, "general.name");
        put_u32(&b, 8);
        put_string(&b, "x");
        put_tensor(&b, "q8", 32, 2, 8, 0);
        put_tensor(&b, "q4", 32, 2, 2, 96);
        while (b.n % 32 != 0)
                put(&b, "", 1);
        for (int row = 0; row < 2; row++) {
                put(&b, "\x00\x38", 2); /* 0.5 */
                for (int i = 0; i < 32; i++)
                        put(&b, &(int8_t) { (int8_t)(8 * i - 128 + row) }, 1);
        }
        for (int i = 0; i < 96 - 68; i++)
                put(&b, "", 1);
        for (int row = 0; row < 2; row++) {
                put(&b, "\x00\xb8", 2); /* -0.5 */
                for (int i = 0; i < 16; i++)
                        put(&b, &(uint8_t) { (uint8_t)(i | (15 - i) << 4) }, 1);
        }
        return b;
}

static void test_blocks(void **state)
{
        (void)state;
        const Bytes b = good_file();
        _cleanup_(safetensors_freep) Safetensors *file = NULL;
        Error error = {};
        float values[64];

        if (open_bytes(b.data, b.n, &file, &error) < 0)
                fail_msg("%s", error.text);
        const StoredTensor *q8 = safetensors_find(file, "q8"), *q4 = safetensors_find(file, "q4");
        assert_non_null(q8);
        assert_non_null(q4);
        assert_int_equal(q8->shape[0], 2);
        assert_int_equal(q8->shape[1], 32);

        stored_tensor_to_f32(q8, values);
        for (int i = 0; i < 64; i++) {
                const int block = i / 32, steps = 8 * (i % 32) - 128 + block;
                assert_true(values[i] == 0.5F * (float)steps);
        }
        stored_tensor_to_f32(q4, values);
        for (int i = 0; i < 64; i++) {
                int stored = i % 32 < 16 ? i % 32 : 31 - i % 32;
                assert_true(values[i] == -0.5F * (float)(stored - 8));
        }
}

/* SIDE x SIDE of OpenCLIP's projection, more than a page of it: number i of row j is i - j, times 0.5. */
#define SIDE 64

static Bytes projection_file(void)
{
        Bytes b = {};

        put(&b, "GGUF", 4);
        put_u32(&b, 3);
        put_u64(&b, 1);
        put_u64(&b, 0);
        put_tensor(&b, "text_projection", SIDE, SIDE, 8, 0);
        while (b.n % 32 != 0)
                put(&b, "", 1);
        for (int i = 0; i < SIDE * SIDE; i++) {
                if (i % 32 == 0)
                        put(&b, "\x00\x38", 2); /* 0.5 */
                put(&b, &(int8_t) { (int8_t)(i % SIDE - i / SIDE) }, 1);
        }
        return b;
}

static void assert_transposed(const Weights *weights)
{
        static float values[SIDE * SIDE];
        const StoredTensor *t = NULL;
        Error error = {};

        if (weights_find(weights, &t, (uint64_t[]) { SIDE, SIDE }, 2, &error, "text_projection.weight") < 0)
                fail_msg("%s", error.text);
        stored_tensor_to_f32(t, values);
        for (int i = 0; i < SIDE * SIDE; i++) {
                const int steps = i / SIDE - i % SIDE;
                assert_true(values[i] == 0.5F * (float)steps);
        }
}

/* Blocks in a matrix that OpenCLIP's layout holds the other way round; as often as it is loaded, as for another precision. */
static void test_transposed(void **state)
{
        (void)state;
        _cleanup_(safetensors_freep) Safetensors *file = NULL;
        _cleanup_(weights_freep) Weights *weights = NULL;
        _cleanup_(arena_freep) Arena *arena = arena_new(1 << 20);
        const KeyMap map = { .layout = KEYS_OPEN_CLIP };
        const Bytes b = projection_file();
        char kinds[WEIGHTS_KINDS_MAX];
        Error error = {};

        assert_int_equal(open_bytes(b.data, b.n, &file, &error), 0);
        assert_int_equal(weights_open_view(&weights, file, path, &map, &error), 0);
        assert_transposed(weights);
        weights_describe(weights, kinds);
        assert_string_equal(kinds, "Q8_0");
        assert_int_equal(weights_bytes(weights), SIDE * SIDE / 32 * 34);

        Loader loader = { .weights = weights, .arena = arena, .error = &error };
        Matrix matrix;
        load_matrix(&loader, &matrix, LAYER_LINEAR | LAYER_NO_BIAS | LAYER_FLOATS, SIDE, SIDE, "text_projection");
        if (loader.r < 0)
                fail_msg("%s", error.text);
        assert_transposed(weights);
}

static void expect(const Bytes *b, int code, const char *words)
{
        Safetensors *file = NULL;
        Error error = {};
        int r = open_bytes(b->data, b->n, &file, &error);

        if (r != code || !strstr(error.text, words))
                fail_msg("%d \"%s\" instead of \"%s\"", r, error.text, words);
}

static void test_lies(void **state)
{
        (void)state;
        const Bytes good = good_file();
        Bytes b = good;
        const size_t first = 4 + 4 + 8 + 8 + 8 + 12 + 4 + 8 + 1; /* the first tensor's description */

        b.n -= 1;
        expect(&b, -EBADMSG, "beyond the end");
        b = good;
        b.data[4] = 1;
        expect(&b, -EBADMSG, "version 2 or 3");
        b = good;
        memset(b.data + 8, 0xff, 8);
        expect(&b, -EBADMSG, "broken GGUF header");
        b = good;
        b.data[first] = 200;
        expect(&b, -EBADMSG, "broken GGUF header");
        b = good;
        b.data[first + 8 + 2 + 4] = 31; /* columns */
        expect(&b, -EBADMSG, "no whole blocks");
        b = good;
        memset(b.data + first + 8 + 2 + 4 + 8, 0x7f, 8); /* rows */
        expect(&b, -EBADMSG, "too large");
        b = good;
        b.data[first + 8 + 2 + 4 + 16] = 12; /* Q4_K */
        expect(&b, -EOPNOTSUPP, "GGUF type 12 is not supported");
        b = good;
        b.data[first + 8 + 2 + 4 + 16 + 4] = 1; /* not aligned */
        expect(&b, -EBADMSG, "beyond the end");
        b = good;
        b.data[first + 42 + 9] = '8'; /* q4 is q8, too */
        expect(&b, -EBADMSG, "there twice");
        b = good;
        b.data[first + 8] = 0;
        expect(&b, -EBADMSG, "no proper name");
        for (b = good; b.n > 4; b.n--) {
                Safetensors *file = NULL;
                if (b.n < good.n)
                        assert_true(open_bytes(b.data, b.n, &file, NULL) < 0);
        }
}

static int make_path(void **state)
{
        (void)state;
        int fd = mkstemp(path);
        return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
        (void)state;
        return unlink(path);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_blocks), cmocka_unit_test(test_transposed), cmocka_unit_test(test_lies) };
        return cmocka_run_group_tests(tests, make_path, remove_path);
}
