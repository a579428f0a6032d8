/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tokenizer on a small vocabulary of our own, and, where the data are, on CLIP's with the ids that
 * transformers gives for 345 hard prompts. */

#include "engine/text/chunks.h"
#include "tests/engine/fixtures.h"

#define LENGTH_MAX 1024

static Tokenizer *open_tokenizer(const char *dir, uint32_t max_length)
{
        TokenizerConfig config = {
                .max_length = max_length,
                .bos_token = "<|startoftext|>",
                .eos_token = "<|endoftext|>",
                .pad_token = "<|endoftext|>",
        };
        Tokenizer *tokenizer = NULL;
        Error error = {};

        if (tokenizer_new(&tokenizer, dir, &config, &error) < 0)
                fail_msg("%s", error.text);
        assert_int_equal(tokenizer_max_length(tokenizer), max_length);
        return tokenizer;
}

/* One chunk of plain text; what does not fit is cut off. */
static Chunks encode(const Tokenizer *tokenizer, const char *text)
{
        PromptPart part = { .text = (char *)text, .weight = 1 };
        const Prompt prompt = { .parts = &part, .n_parts = 1 };
        Chunks chunks = {};

        assert_int_equal(chunks_new(&chunks, tokenizer, &prompt, 1, NULL), 0);
        assert_int_equal(chunks.n, 1);
        return chunks;
}

/* Compares with a JSON list of ids, whole or cut to max_length; returns whether they are equal. */
static bool encodes_to(const Tokenizer *tokenizer, const char *text, const json_t *ids, uint32_t max_length)
{
        _cleanup_(chunks_done) Chunks found = encode(tokenizer, text);
        size_t n = json_array_size(ids), fitting = MIN(n, max_length);

        assert_int_equal(found.length, max_length);
        if (found.tokens + 2 != fitting || found.truncated != n - fitting)
                return false;
        for (size_t i = 0; i < max_length; i++) {
                /* The end mark is the last one, whether or not all others fit. */
                size_t k = i + 1 < fitting ? i : n - 1;
                if (found.ids[i] != (uint32_t)json_integer_value(json_array_get(ids, k)))
                        return false;
        }
        return true;
}

static void test_digest(void **state)
{
        _cleanup_(tokenizer_freep) Tokenizer *tokenizer = open_tokenizer("tests/fixtures/tokenizer", 77);
        char line[128] = "";
        (void)state;

        FILE *pipe = popen("cd tests/fixtures/tokenizer && sha256sum merges.txt vocab.json | sha256sum", "r");
        assert_non_null(pipe);
        assert_non_null(fgets(line, sizeof(line), pipe));
        (void)pclose(pipe);
        assert_int_equal(strlen(tokenizer_digest(tokenizer)), 64);
        assert_memory_equal(tokenizer_digest(tokenizer), line, 64);
}

static void test_all_of_clip(void **state)
{
        (void)state;
        json_t *golden = load_json(shared("clip/golden.json").text);
        TestPath dir = shared("clip/tokenizer");
        _cleanup_(tokenizer_freep) Tokenizer *wide = open_tokenizer(dir.text, LENGTH_MAX);
        _cleanup_(tokenizer_freep) Tokenizer *usual = open_tokenizer(dir.text, 77);
        size_t i, bad = 0;
        json_t *c;

        assert_int_equal(tokenizer_vocab_size(usual), 49408);
        json_array_foreach (json_object_get(golden, "cases"), i, c) {
                /* NUL, which ends our strings, is dropped by the reference. */
                const json_t *prompt = json_object_get(c, "prompt");
                _cleanup_(freep) char *text = calloc(1, json_string_length(prompt) + 1);
                for (size_t k = 0, n = 0; k < json_string_length(prompt); k++)
                        if (json_string_value(prompt)[k] != '\0')
                                text[n++] = json_string_value(prompt)[k];

                const json_t *ids = json_object_get(c, "ids");
                if (!encodes_to(wide, text, ids, LENGTH_MAX) || !encodes_to(usual, text, ids, 77)) {
                        print_message("differs: %s\n", text);
                        bad++;
                }
        }
        assert_int_equal(i, 345);
        assert_int_equal(bad, 0);
        json_decref(golden);
}

static void test_fixture(void **state)
{
        (void)state;
        json_t *cases = load_json(fixture("tokenizer-cases.json").text);
        _cleanup_(tokenizer_freep) Tokenizer *tokenizer = open_tokenizer(fixture("tokenizer").text, 77);
        size_t i;
        json_t *c;

        json_array_foreach (cases, i, c) {
                const char *text = json_string_value(json_object_get(c, "prompt"));
                if (!encodes_to(tokenizer, text, json_object_get(c, "ids"), 77))
                        fail_msg("differs: %s", text);
        }
        assert_true(i >= 40);
        json_decref(cases);
}

static void test_not_utf8(void **state)
{
        (void)state;
        _cleanup_(tokenizer_freep) Tokenizer *tokenizer = open_tokenizer(fixture("tokenizer").text, 77);
        uint32_t *ids = NULL;
        size_t n = 0;
        Error error = {};

        assert_int_equal(tokenizer_tokens(tokenizer, "a \xff fox", &ids, &n, &error), -EINVAL);
        assert_string_equal(error.text, "prompt: not valid UTF-8");
        assert_int_equal(tokenizer_tokens(tokenizer, "\xed\xa0\x80", &ids, &n, &error), -EINVAL);
        assert_null(ids);
}

/* One word of 8 KiB, of each kind: merging it must not take quadratic time (in seconds here, were it so). */
static void test_long_words(void **state)
{
        (void)state;
        _cleanup_(tokenizer_freep) Tokenizer *tokenizer = open_tokenizer(fixture("tokenizer").text, 77);
        static const char *const patterns[] = { "a",        "th",           "the",       "!",
                                                "\xc4\xb0", "\xef\xac\x81", "e\xcc\x81", "<|endoftext|>" };

        for (size_t i = 0; i < ELEMENTSOF(patterns); i++) {
                char text[8193] = "";
                while (strlen(text) + strlen(patterns[i]) < sizeof(text))
                        strcat(text, patterns[i]);
                _cleanup_(chunks_done) Chunks found = encode(tokenizer, text);
                assert_int_equal(found.tokens, 75);
                assert_true(found.truncated > 0);
                assert_int_equal(found.ids[0], tokenizer_vocab_size(tokenizer) - 2);
                assert_int_equal(found.ids[76], tokenizer_vocab_size(tokenizer) - 1);
        }
}

/* Writes the two files, tries to open them, and checks the error. */
static void check_broken(const char *vocab, const char *merges, int code, const char *words)
{
        char dir[] = "/tmp/tokenizer-XXXXXX", path[64];
        TokenizerConfig config = { .max_length = 77, .bos_token = "<", .eos_token = ">", .pad_token = ">" };
        Tokenizer *tokenizer = NULL;
        Error error = {};

        assert_non_null(mkdtemp(dir));
        const char *const files[][2] = { { "vocab.json", vocab }, { "merges.txt", merges } };
        for (int i = 0; i < 2; i++) {
                (void)snprintf(path, sizeof(path), "%s/%s", dir, files[i][0]);
                if (files[i][1]) {
                        FILE *f = fopen(path, "w");
                        assert_non_null(f);
                        fputs(files[i][1], f);
                        fclose(f);
                }
        }
        int r = tokenizer_new(&tokenizer, dir, &config, &error);
        assert_int_equal(r, code);
        if (code < 0) {
                assert_null(tokenizer);
                if (!strstr(error.text, words))
                        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
        }
        tokenizer_free(tokenizer);
        for (int i = 0; i < 2; i++) {
                (void)snprintf(path, sizeof(path), "%s/%s", dir, files[i][0]);
                (void)unlink(path);
        }
        (void)rmdir(dir);
}

static void test_broken_files(void **state)
{
        (void)state;
        const char *good = "{\"<\": 0, \">\": 1, \"a\": 2, \"b</w>\": 3, \"ab</w>\": 4}",
                   *header = "#version: 0.2\n";

        check_broken(good, header, 0, "");
        check_broken(good, "#version: 0.2\na b</w>\n\n", 0, "");
        check_broken(good, "", 0, "");
        check_broken(NULL, header, -ENOENT, "vocab.json");
        check_broken(good, NULL, -ENOENT, "merges.txt");
        check_broken("", header, -EBADMSG, "vocab.json");
        check_broken("[1]", header, -EBADMSG, "not a JSON object");
        check_broken("{\"<\": 0, \">\": 1, \"<\": 2}", header, -EBADMSG, "duplicate");
        check_broken("{\"<\": 0, \">\": -1}", header, -EBADMSG, "no id");
        check_broken("{\"<\": 0, \">\": 4294967296}", header, -EBADMSG, "no id");
        check_broken("{\"<\": 0, \">\": \"1\"}", header, -EBADMSG, "no id");
        check_broken("{\"<\": 0}", header, -EBADMSG, "no \">\"");
        check_broken(good, "#version: 0.2\na\n", -EBADMSG, "line 2: not a pair");
        check_broken(good, "#version: 0.2\na b</w> a\n", -EBADMSG, "line 2: not a pair");
        check_broken(good, "#version: 0.2\na b</w>\na c\n", -EBADMSG,
                     "line 3: a symbol that is not in vocab.json");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_digest),       cmocka_unit_test(test_fixture),      cmocka_unit_test(test_all_of_clip),
                cmocka_unit_test(test_not_utf8),     cmocka_unit_test(test_long_words),
                cmocka_unit_test(test_broken_files),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
