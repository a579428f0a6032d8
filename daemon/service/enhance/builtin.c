/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/memfd.h"
#include "base/util.h"
#include "service/catalogue.h"
#include "service/enhance/engines.h"
#include "workers/program.h"

#define ANSWER_BYTES_MAX (1U << 20)
#define SECONDS_MAX 20 /* of the clock on the wall: others may need the processors too */
#define ARGUMENTS_MAX 160

typedef struct Builtin {
        Child *child;
        prompt_done_t done;
        void *userdata;
} Builtin;

void builtin_stop(void *task)
{
        Builtin *builtin = task;

        if (!builtin)
                return;
        child_free(builtin->child);
        free(builtin);
}

/* An answer, or the error that it holds. */
static json_t *read_answer(int fd, size_t size, Error *error)
{
        _cleanup_(freep) char *data = malloc(size);
        json_error_t failure;

        if (!data || pread(fd, data, size, 0) != (ssize_t)size) {
                (void)error_set(error, -EIO, "What the prompt generator said cannot be read");
                return NULL;
        }
        json_t *answer = json_loadb(data, size, 0, &failure);
        const json_t *told = json_object_get(answer, "error");
        const char *text = json_string_value(json_object_get(told, "text"));
        if (answer && !told)
                return answer;
        json_int_t code = json_integer_value(json_object_get(told, "code"));
        if (text && code < 0 && code > -4096)
                (void)error_set(error, (int)code, "%s", text);
        else
                (void)error_set(error, -EIO, "What the prompt generator said is no answer");
        json_decref(answer);
        return NULL;
}

static void on_done(Child *child, int result, void *userdata)
{
        Builtin *builtin = userdata;
        _cleanup_(closep) int fd = result;
        json_t *answer = NULL;
        Error error = {};
        size_t size;
        (void)child;

        if (result == -ETIME)
                (void)error_set(&error, -EINVAL, "Making a prompt of this takes too long");
        else if (result < 0)
                (void)error_set(&error, -EIO, "The prompt generator ended unexpectedly: %s", strerror(-result));
        else if (memfd_check_sealed(fd, ANSWER_BYTES_MAX, &size) < 0)
                (void)error_set(&error, -EIO, "The prompt generator said nothing");
        else
                answer = read_answer(fd, size, &error);
        builtin->done(answer, answer ? NULL : &error, builtin->userdata); /* may free it */
        json_decref(answer);
}

/* Where the model's words are, if it has any; "" if not. */
static void find_words(Service *service, const char *model, char *ret, size_t size)
{
        Catalogue catalogue;

        *ret = '\0';
        if (catalogue_read(service, &catalogue) < 0)
                return;
        for (size_t i = 0; i < catalogue.n; i++)
                if (streq(catalogue.entries[i].name, model) && catalogue.entries[i].directory &&
                    (size_t)snprintf(ret, size, "%s/words.json", catalogue.entries[i].directory) >= size)
                        *ret = '\0';
        catalogue_clear(&catalogue);
}

static int write_request(const json_t *request)
{
        _cleanup_(freep) char *text = json_dumps(request, JSON_COMPACT);

        return text ? memfd_new_sealed("request", text, strlen(text)) : -ENOMEM;
}

int builtin_start(void **ret, Service *service, const Job *job, const json_t *request, prompt_done_t done, void *userdata, Error *error)
{
        const Config *config = service->config;
        char words[4096], *arguments[ARGUMENTS_MAX];
        size_t n = 0;

        _cleanup_(freep) Builtin *builtin = calloc(1, sizeof(Builtin));
        _cleanup_(closep) int input = write_request(request);
        if (!builtin || input < 0)
                return error_set(error, -ENOMEM, "Out of memory");
        find_words(service, job->policy.model, words, sizeof(words));
        arguments[n++] = config->prompt_worker;
        for (char **directory = config->prompts; *directory && n + 5 < ARGUMENTS_MAX; directory++) {
                arguments[n++] = (char *)"--prompts";
                arguments[n++] = *directory;
        }
        if (*words) {
                arguments[n++] = (char *)"--words";
                arguments[n++] = words;
        }
        arguments[n] = NULL;

        builtin->done = done;
        builtin->userdata = userdata;
        const ProgramSpec spec = { .arguments = arguments, .input = input, .bytes_max = ANSWER_BYTES_MAX, .seconds = SECONDS_MAX };
        int r = program_new(&builtin->child, service->event, &spec, on_done, builtin, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(builtin);
        return 0;
}
