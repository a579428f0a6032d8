/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* imagined-prompts: the built-in prompt generator as a process that lives for one request. It opens its files, shuts the
 * doors behind itself (workers/sandbox.h), and only then looks at what they hold: presets are shared among people, and
 * words.json comes with a model. */

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "base/config-file.h"
#include "base/log.h"
#include "base/util.h"
#include "prompts/enhance.h"
#include "workers/sandbox.h"

#define DIRECTORIES_MAX 64
#define REQUEST_BYTES_MAX (1U << 20)

static const char help[] =
                "Usage: imagined-prompts --prompts DIR... [--words FILE] <REQUEST >ANSWER\n\n"
                "Makes full prompts of an idea: one JSON object in, one out. The service starts it.\n\n"
                "      --prompts=DIR   vocabulary.conf, templates, profiles and purposes; the first of a name wins\n"
                "      --words=FILE    what the model understands (its words.json)\n"
                "      --help          show this and exit\n"
                "      --version       show the version and exit\n";

typedef struct Arguments {
        char *directories[DIRECTORIES_MAX + 1];
        size_t n;
        const char *words;
} Arguments;

/* 1 to go on, 0 when all is done, -EINVAL. */
static int parse_arguments(Arguments *a, int argc, char *argv[])
{
        enum { PROMPTS = 256, WORDS, HELP, VERSION_OPTION };
        static const struct option options[] = {
                { "prompts", required_argument, NULL, PROMPTS },
                { "words", required_argument, NULL, WORDS },
                { "help", no_argument, NULL, HELP },
                { "version", no_argument, NULL, VERSION_OPTION },
                {},
        };

        for (int c; (c = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
                if (c == HELP)
                        return fputs(help, stdout) < 0 ? -EIO : 0;
                if (c == VERSION_OPTION)
                        return puts("imagined-prompts " VERSION) < 0 ? -EIO : 0;
                if (c == WORDS)
                        a->words = optarg;
                else if (c == PROMPTS && a->n < DIRECTORIES_MAX)
                        a->directories[a->n++] = optarg;
                else
                        return -EINVAL;
        }
        if (optind < argc || a->n == 0) {
                log_error("--prompts is missing, or there is too much; see --help");
                return -EINVAL;
        }
        return 1;
}

/* All of a stream, up to a limit; *ret is the caller's. */
static int read_stream(FILE *f, size_t max, char **ret, size_t *ret_size, Error *error)
{
        _cleanup_(freep) char *data = malloc(max + 1);

        if (!data)
                return error_set(error, -ENOMEM, "Out of memory");
        size_t size = fread(data, 1, max + 1, f);
        if (ferror(f) || size > max)
                return error_set(error, -EIO, "It cannot be read, or is larger than %zu bytes", max);
        *ret = TAKE_PTR(data);
        *ret_size = size;
        return 0;
}

/* A model need not have one. */
static int read_words(const char *path, char **ret, size_t *ret_size, Error *error)
{
        _cleanup_(fclosep) FILE *f = path ? fopen(path, "re") : NULL;

        if (!f)
                return 0;
        int r = read_stream(f, WORDS_BYTES_MAX, ret, ret_size, error);
        return r < 0 ? error_prefix(error, "words.json") : 0;
}

static int answer(Generator *generator, const char *words, size_t n_words, json_t **ret, Error *error)
{
        _cleanup_(freep) char *data = NULL;
        size_t size;
        json_error_t failure;

        int r = sandbox_enter_to_decode(error);
        if (r >= 0)
                r = generator_read(generator, words, n_words, error);
        if (r >= 0)
                r = read_stream(stdin, REQUEST_BYTES_MAX, &data, &size, error);
        if (r < 0)
                return r;
        json_t *request = json_loadb(data, size, JSON_REJECT_DUPLICATES, &failure);
        r = request ? generator_answer(generator, request, ret, error) : error_set(error, -EBADMSG, "The request is no JSON");
        json_decref(request);
        return r;
}

int main(int argc, char *argv[])
{
        _cleanup_(freep) char *words = NULL;
        Arguments arguments = {};
        Generator generator = {};
        json_t *result = NULL;
        size_t n_words = 0;
        Error error = {};

        int r = parse_arguments(&arguments, argc, argv);
        if (r <= 0)
                return r < 0 ? 2 : 0;
        r = generator_open(&generator, arguments.directories, &error);
        if (r >= 0)
                r = read_words(arguments.words, &words, &n_words, &error);
        if (r >= 0)
                r = answer(&generator, words, n_words, &result, &error);
        if (r < 0)
                result = json_pack("{s:{s:i, s:s}}", "error", "code", r == -EFBIG ? -EINVAL : r, "text", error.text);
        int failed = json_dumpf(result, stdout, JSON_COMPACT) < 0 || fflush(stdout) != 0;
        json_decref(result);
        generator_done(&generator);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
