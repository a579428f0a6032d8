/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Good files, and every way in which a bad one can lie. */

#include <endian.h>
#include <math.h>
#include <sys/stat.h>

#include "tests/engine/fixtures.h"

static char path[] = "/tmp/safetensors-XXXXXX";

static int make_path(void **state)
{
        (void)state;
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        return close(fd);
}

static int remove_path(void **state)
{
        (void)state;
        return unlink(path);
}

/* Writes a file that says its header has that size. */
static void write_raw(uint64_t header_size, const char *header, size_t length, const void *data, size_t size)
{
        uint64_t prefix = htole64(header_size);
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        assert_int_equal(fwrite(&prefix, 1, sizeof(prefix), f), sizeof(prefix));
        assert_int_equal(fwrite(header, 1, length, f), length);
        if (size > 0)
                assert_int_equal(fwrite(data, 1, size, f), size);
        assert_int_equal(fclose(f), 0);
}

static void check_open(int code, const char *words)
{
        Safetensors *file = NULL;
        Error error = {};

        int r = safetensors_open(&file, path, &error);
        if (r != code || (code < 0 && !strstr(error.text, words)))
                fail_msg("%d \"%s\" instead of %d \"%s\"", r, error.text, code, words);
        assert_int_equal(error.code, code);
        assert_true(code < 0 ? file == NULL : file != NULL);
        safetensors_free(file);
}

/* A file with that header and 16 bytes of data. */
static void check_header(const char *header, int code, const char *words)
{
        static const uint8_t data[16] = {};

        write_raw(strlen(header), header, strlen(header), data, sizeof(data));
        check_open(code, words);
}

static void test_good(void **state)
{
        (void)state;
        const float values[] = { 1, -2, 0.5F, 1e30F };
        const char header[] = "{\"__metadata__\":{\"format\":\"pt\"},"
                              "\"b\":{\"dtype\":\"F32\",\"shape\":[3,1],\"data_offsets\":[4,16]},"
                              "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"more\":1},"
                              "\"empty\":{\"dtype\":\"I64\",\"shape\":[2,0],\"data_offsets\":[4,4]}}   ";
        write_raw(strlen(header), header, strlen(header), values, sizeof(values));
        _cleanup_(safetensors_freep) Safetensors *file = load_safetensors(path);

        assert_int_equal(safetensors_count(file), 3);
        const StoredTensor *a = safetensors_find(file, "a"), *b = safetensors_find(file, "b");
        assert_int_equal(a->n_dims, 0);
        assert_int_equal(a->n_elements, 1);
        assert_int_equal(b->n_dims, 2);
        assert_int_equal(b->shape[0], 3);
        assert_int_equal(safetensors_find(file, "empty")->n_elements, 0);
        assert_null(safetensors_find(file, "c"));
        assert_null(safetensors_at(file, 3));
        assert_string_equal(safetensors_at(file, 0)->name, "a");

        float found[3];
        stored_tensor_to_f32(b, found);
        assert_memory_equal(found, values + 1, sizeof(found));
}

/* No padding after the header: the data are unaligned. */
static void test_unaligned(void **state)
{
        (void)state;
        const char header[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}} ";
        const float values[] = { 3, 4 };
        for (size_t cut = 0; cut < 2; cut++) {
                size_t length = strlen(header) - cut;
                write_raw(length, header, length, values, sizeof(values));
                _cleanup_(safetensors_freep) Safetensors *file = load_safetensors(path);
                float found[2];
                stored_tensor_to_f32(safetensors_find(file, "a"), found);
                assert_memory_equal(found, values, sizeof(found));
        }
}

static void test_conversion(void **state)
{
        (void)state;
        static const struct {
                DType dtype;
                uint16_t bits;
                float value;
        } cases[] = {
                { DTYPE_F16, 0x0000, 0.0F },          { DTYPE_F16, 0x3c00, 1.0F },
                { DTYPE_F16, 0xc000, -2.0F },         { DTYPE_F16, 0x7bff, 65504.0F },
                { DTYPE_F16, 0x0400, 0x1p-14F },      { DTYPE_F16, 0x0001, 0x1p-24F },
                { DTYPE_F16, 0x83ff, -0x1.ff8p-15F }, { DTYPE_F16, 0x7c00, INFINITY },
                { DTYPE_F16, 0xfc00, -INFINITY },     { DTYPE_F16, 0x3555, 0x1.554p-2F },
                { DTYPE_BF16, 0x3f80, 1.0F },         { DTYPE_BF16, 0xc049, -3.140625F },
                { DTYPE_BF16, 0x7f80, INFINITY },     { DTYPE_BF16, 0x0001, 0x1p-133F },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                StoredTensor t = { .dtype = cases[i].dtype, .n_elements = 1, .data = &cases[i].bits };
                float found;
                stored_tensor_to_f32(&t, &found);
                assert_memory_equal(&found, &cases[i].value, sizeof(found));
        }

        const uint16_t nans[] = { 0x7c01, 0x7e00, 0xfe01 };
        for (size_t i = 0; i < ELEMENTSOF(nans); i++) {
                float found;
                stored_tensor_to_f32(
                                &(StoredTensor) { .dtype = DTYPE_F16, .n_elements = 1, .data = &nans[i] },
                                &found);
                assert_true(isnan(found));
        }

        const int64_t whole[] = { -3, 1 << 20 };
        float found[2];
        stored_tensor_to_f32(&(StoredTensor) { .dtype = DTYPE_I64, .n_elements = 2, .data = whole }, found);
        assert_true(found[0] > -3.5F && found[0] < -2.5F && found[1] > 1048575 && found[1] < 1048577);
}

static void test_bad_prefix(void **state)
{
        (void)state;
        static const uint64_t sizes[] = { 3,         UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX - 7,
                                          100000001, 99999999 };

        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fclose(f);
        check_open(-EBADMSG, "too short");
        for (size_t i = 0; i < 8; i++) {
                assert_int_equal(truncate(path, (off_t)i), 0);
                check_open(-EBADMSG, "too short");
        }
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                write_raw(sizes[i], "{}", 2, NULL, 0);
                check_open(-EBADMSG, "header of");
        }
        write_raw(0, "", 0, NULL, 0);
        check_open(-EBADMSG, "header");
        write_raw(2, "{}", 2, NULL, 0);
        check_open(0, "");
}

static void test_bad_headers(void **state)
{
        (void)state;
#define TENSOR(dtype, shape, offsets) \
        "{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define F32_4 TENSOR("\"F32\"", "[4]", "[0,16]")

        check_header("{\"a\":" F32_4 "}", 0, "");
        /* not JSON, not an object, a key twice, too deep, a NUL */
        check_header("{\"a\":" F32_4, -EBADMSG, "header");
        check_header("[]", -EBADMSG, "not a JSON object");
        check_header("{\"a\":" F32_4 ",\"a\":" F32_4 "}", -EBADMSG, "duplicate");
        check_header("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}",
                     -EBADMSG, "duplicate");
        check_header("{\"a\\u0000b\":" F32_4 "}", -EBADMSG, "header");
        check_header("{\"\xff\":" F32_4 "}", -EBADMSG, "header");
        /* dtypes */
        check_header("{\"a\":" TENSOR("\"F64\"", "[2]", "[0,16]") "}", -EOPNOTSUPP,
                     "dtype F64 is not supported");
        check_header("{\"a\":" TENSOR("\"\"", "[2]", "[0,16]") "}", -EOPNOTSUPP, "dtype");
        check_header("{\"a\":" TENSOR("7", "[2]", "[0,16]") "}", -EBADMSG, "no dtype");
        check_header("{\"a\":7}", -EBADMSG, "no dtype");
        check_header("{\"a\":null}", -EBADMSG, "no dtype");
        check_header("{\"a\":{}}", -EBADMSG, "no dtype");
        /* shapes */
        check_header("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,16]}}", -EBADMSG, "shape");
        check_header("{\"a\":" TENSOR("\"F32\"", "4", "[0,16]") "}", -EBADMSG, "shape");
        check_header("{\"a\":" TENSOR("\"F32\"", "[-4]", "[0,16]") "}", -EBADMSG, "shape");
        check_header("{\"a\":" TENSOR("\"F32\"", "[4.0]", "[0,16]") "}", -EBADMSG, "shape");
        check_header("{\"a\":" TENSOR("\"F32\"", "[1,1,1,1,1,1,1,1,4]", "[0,16]") "}", -EBADMSG,
                     "at most 8");
        check_header("{\"a\":" TENSOR("\"F32\"", "[1,1,1,1,1,1,1,4]", "[0,16]") "}", 0, "");
        check_header("{\"a\":" TENSOR("\"F32\"", "[4294967296,4294967296]", "[0,16]") "}", -EBADMSG,
                     "too large");
        check_header("{\"a\":" TENSOR("\"F32\"", "[4611686018427387908]", "[0,16]") "}", -EBADMSG,
                     "too large");
        check_header("{\"a\":" TENSOR("\"F32\"", "[9223372036854775807,2]", "[0,16]") "}", -EBADMSG,
                     "too large");
        check_header("{\"a\":" TENSOR("\"F32\"", "[18446744073709551620]", "[0,16]") "}", -EBADMSG,
                     "header");
        /* offsets */
        check_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[4]}}", -EBADMSG, "data_offsets");
        check_header("{\"a\":" TENSOR("\"F32\"", "[4]", "[0]") "}", -EBADMSG, "data_offsets");
        check_header("{\"a\":" TENSOR("\"F32\"", "[4]", "[0,16,16]") "}", -EBADMSG, "data_offsets");
        check_header("{\"a\":" TENSOR("\"F32\"", "[4]", "[0,\\\"16\\\"]") "}", -EBADMSG, "header");
        check_header("{\"a\":" TENSOR("\"F32\"", "[4]", "[0.0,16.0]") "}", -EBADMSG, "data_offsets");
        check_header("{\"a\":" TENSOR("\"F32\"", "[4]", "[-16,0]") "}", -EBADMSG, "data_offsets");
        check_header("{\"a\":" TENSOR("\"F32\"", "[4]", "[16,0]") "}", -EBADMSG, "data_offsets");
        check_header("{\"a\":" TENSOR("\"F32\"", "[4]", "[0,12]") "}", -EBADMSG, "do not fit");
        check_header("{\"a\":" TENSOR("\"F32\"", "[8]", "[0,32]") "}", -EBADMSG, "beyond the end");
        check_header("{\"a\":" TENSOR("\"U8\"", "[9223372036854775807]", "[0,9223372036854775807]") "}",
                     -EBADMSG, "beyond the end");
        check_header("{\"a\":" TENSOR("\"F32\"", "[3]", "[0,12]") "}", -EBADMSG, "4 bytes at the end");
        check_header("{\"a\":" TENSOR("\"F32\"", "[3]", "[4,16]") "}", -EBADMSG, "hole");
        check_header("{\"a\":" F32_4 ",\"b\":" TENSOR("\"F32\"", "[2]", "[8,16]") "}", -EBADMSG, "overlap");
        check_header("{\"a\":" F32_4 ",\"b\":" F32_4 "}", -EBADMSG, "overlap");
        check_header("{\"a\":" TENSOR("\"U8\"", "[4]", "[0,4]") ",\"b\":" TENSOR("\"F32\"", "[2]",
                                                                                 "[8,16]") "}",
                     -EBADMSG, "hole");
        check_header("{}", -EBADMSG, "16 bytes at the end");
}

static void test_deep_header(void **state)
{
        (void)state;
        enum { DEPTH = 100000 };
        _cleanup_(freep) char *header = malloc(DEPTH);
        assert_non_null(header);
        memset(header, '[', DEPTH);
        write_raw(DEPTH, header, DEPTH, NULL, 0);
        check_open(-EBADMSG, "depth");
}

static void test_not_a_file(void **state)
{
        (void)state;
        Safetensors *file = NULL;
        Error error = {};
        char fifo[] = "/tmp/fifo-XXXXXX";

        assert_int_equal(safetensors_open(&file, "/nonexistent/x", &error), -ENOENT);
        assert_string_equal(error.text, "/nonexistent/x: No such file or directory");
        assert_int_equal(safetensors_open(&file, "/tmp", &error), -EBADMSG);
        assert_string_equal(error.text, "/tmp: not a regular file");
        assert_int_equal(safetensors_open(&file, "/dev/zero", &error), -EBADMSG);

        assert_non_null(mkdtemp(fifo));
        assert_int_equal(rmdir(fifo), 0);
        assert_int_equal(mkfifo(fifo, 0600), 0);
        assert_int_equal(safetensors_open(&file, fifo, &error), -EBADMSG);
        (void)unlink(fifo);
        assert_null(file);
}

/* A good file, cut off everywhere, and with every byte of its header broken: an error or not, never a crash.
 */
static void test_mutations(void **state)
{
        (void)state;
        _cleanup_(freep) uint8_t *data = calloc(1, 8192);
        FILE *f = fopen("tests/fixtures/nets/tiny/vae.safetensors", "r");
        assert_non_null(f);
        size_t size = fread(data, 1, 8192, f), opened = 0;
        fclose(f);
        assert_true(size > 1000);

        for (size_t cut = 0; cut < size; cut += 41) {
                f = fopen(path, "w");
                assert_int_equal(fwrite(data, 1, cut, f), cut);
                fclose(f);
                Safetensors *file = NULL;
                assert_true(safetensors_open(&file, path, NULL) < 0);
        }
        for (size_t i = 0; i < 600; i += 3)
                for (int bit = 0; bit < 8; bit += 3) {
                        data[i] ^= (uint8_t)(1U << bit);
                        f = fopen(path, "w");
                        assert_int_equal(fwrite(data, 1, size, f), size);
                        fclose(f);
                        data[i] ^= (uint8_t)(1U << bit);

                        Safetensors *file = NULL;
                        if (safetensors_open(&file, path, NULL) < 0)
                                continue;
                        opened++;
                        for (size_t t = 0; t < safetensors_count(file); t++) {
                                const StoredTensor *tensor = safetensors_at(file, t);
                                _cleanup_(freep) float *values =
                                                calloc(tensor->n_elements + 1, sizeof(float));
                                stored_tensor_to_f32(tensor, values);
                        }
                        safetensors_free(file);
                }
        assert_true(opened > 0); /* a changed letter of a name, say */
}

static void test_weights(void **state)
{
        (void)state;
        const char header[] = "{\"a.0.weight\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[0,12]},"
                              "\"ids\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[12,16]}}";
        static const uint8_t data[16] = {};
        _cleanup_(weights_freep) Weights *weights = NULL;
        const StoredTensor *t = NULL;
        Error error = {};

        write_raw(strlen(header), header, strlen(header), data, sizeof(data));
        assert_int_equal(weights_open(&weights, path, &error), 0);
        assert_int_equal(weights_parameters(weights), 7);
        assert_true(weights_has(weights, "a.%u.weight", 0U));
        assert_false(weights_has(weights, "a.%u.weight", 1U));

        assert_int_equal(weights_find(weights, &t, (uint64_t[]){ 2, 3 }, 2, &error, "a.%u.weight", 0U), 0);
        assert_int_equal(t->n_elements, 6);
        assert_int_equal(weights_find(weights, &t, (uint64_t[]){ 2, 3 }, 2, &error, "a.%u.weight", 1U),
                         -ENOENT);
        assert_non_null(strstr(error.text, "no tensor \"a.1.weight\""));
        assert_int_equal(weights_find(weights, &t, (uint64_t[]){ 3, 2 }, 2, &error, "a.%u.weight", 0U),
                         -EBADMSG);
        assert_non_null(strstr(error.text, "\"a.0.weight\" has shape [2, 3], not [3, 2]"));
        assert_int_equal(weights_find(weights, &t, (uint64_t[]){ 2, 3, 1 }, 3, &error, "a.0.weight"),
                         -EBADMSG);
        assert_int_equal(weights_find(weights, &t, (uint64_t[]){ 1 }, 1, &error, "ids"), -EBADMSG);
        assert_non_null(strstr(error.text, "I32"));
}

/* 8-bit weights, each row with a factor of its own; without factors they are plain numbers, and no weights. */
static void test_scaled_rows(void **state)
{
        (void)state;
        static const char header[] = "{\"w\": {\"dtype\": \"I8\", \"shape\": [2, 3], \"data_offsets\": [0, 6]},"
                                     "\"n\": {\"dtype\": \"I8\", \"shape\": [2], \"data_offsets\": [6, 8]},"
                                     "\"w.scale\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [8, 16]}}";
        struct {
                int8_t w[6], n[2];
                float scales[2];
        } data = { { 127, -128, 0, 1, -1, 2 }, { -5, 7 }, { 0.5F, -0.25F } };
        static const float wanted[] = { 63.5F, -64, 0, -0.25F, 0.25F, -0.5F };
        _cleanup_(weights_freep) Weights *weights = NULL;
        const StoredTensor *t = NULL;
        Error error = {};
        float found[6], plain[2];

        write_raw(strlen(header), header, strlen(header), &data, sizeof(data));
        assert_int_equal(weights_open(&weights, path, NULL), 0);
        assert_int_equal(weights_find(weights, &t, (uint64_t[]) { 2, 3 }, 2, NULL, "w"), 0);
        stored_tensor_to_f32(t, found);
        for (size_t i = 0; i < ELEMENTSOF(wanted); i++)
                assert_true(found[i] >= wanted[i] && found[i] <= wanted[i]);

        assert_int_equal(weights_find(weights, &t, (uint64_t[]) { 2 }, 1, &error, "n"), -EBADMSG);
        assert_non_null(strstr(error.text, "dtype I8"));
        _cleanup_(safetensors_freep) Safetensors *file = load_safetensors(path);
        stored_tensor_to_f32(safetensors_find(file, "n"), plain);
        assert_true(plain[0] > -5.1F && plain[0] < -4.9F && plain[1] > 6.9F && plain[1] < 7.1F);

        check_header("{\"w\": {\"dtype\": \"I8\", \"shape\": [4, 2], \"data_offsets\": [0, 8]},"
                     "\"w.scale\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [8, 16]}}",
                     -EBADMSG, "\"w.scale\" does not fit \"w\"");
        check_header("{\"w\": {\"dtype\": \"I8\", \"shape\": [4, 2], \"data_offsets\": [0, 8]},"
                     "\"w.scale\": {\"dtype\": \"F16\", \"shape\": [4], \"data_offsets\": [8, 16]}}",
                     -EBADMSG, "\"w.scale\" does not fit \"w\"");
        check_header("{\"w\": {\"dtype\": \"I8\", \"shape\": [], \"data_offsets\": [0, 1]},"
                     "\"x\": {\"dtype\": \"U8\", \"shape\": [11], \"data_offsets\": [5, 16]},"
                     "\"w.scale\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [1, 5]}}",
                     -EBADMSG, "\"w.scale\" does not fit \"w\"");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),        cmocka_unit_test(test_unaligned),
                cmocka_unit_test(test_conversion),  cmocka_unit_test(test_bad_prefix),
                cmocka_unit_test(test_bad_headers), cmocka_unit_test(test_deep_header),
                cmocka_unit_test(test_not_a_file),  cmocka_unit_test(test_mutations),
                cmocka_unit_test(test_weights),
                cmocka_unit_test(test_scaled_rows),
        };
        return cmocka_run_group_tests(tests, make_path, remove_path);
}
