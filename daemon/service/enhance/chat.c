/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Prompts that a chat server makes. Its texts go through the built-in generator, which takes them apart into fields and says
 * them in the resident model's words. */

#include <errno.h>
#include <string.h>

#include "base/config-file.h"
#include "base/memfd.h"
#include "base/utf8.h"
#include "base/util.h"
#include "service/enhance/chat.h"
#include "service/remote/gate.h"
#include "service/remote/remote.h"
#include "service/service.h"

static const char usual_role[] =
                "You will now act as a prompt generator for a text-to-image model. The user gives a short idea; answer with one prompt "
                "that describes the picture in concrete visual words: subject, composition, style, palette, lighting, camera angle, "
                "texture, mood and constraints. Write one paragraph of at most 120 words, in English. Answer with the prompt alone: no "
                "introduction, no quotation marks, no alternatives, no explanations. When you are asked to change a prompt, keep all "
                "that the change does not concern.";
static const char looking_role[] =
                "You write alternative texts of pictures: what can be seen, in plain sentences, in the language of the question. Answer "
                "with the text alone: no introduction, no quotation marks, no guesses about what cannot be seen.";
static const char change[] = "Change that prompt in this way, and answer with the whole new prompt alone: ";

typedef struct Chat {
        Service *service;
        uint64_t serial; /* of the job */
        json_t *request, *texts;
        NetCall *call;
        void *builtin;
        prompt_done_t done;
        void *userdata;
} Chat;

void chat_stop(void *task)
{
        Chat *chat = task;

        if (!chat)
                return;
        net_call_free(chat->call);
        builtin_stop(chat->builtin);
        json_decref(chat->request);
        json_decref(chat->texts);
        free(chat);
}

static const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));
        return text ? text : "";
}

/* Whether a picture is to be looked at. */
static bool shows(const json_t *request)
{
        return json_is_true(json_object_get(request, "picture"));
}

static int find(const Service *service, const json_t *request, const Server **ret, Error *error)
{
        return remote_find(service, text_of(request, "server"), NET_DIALECT_CHAT, shows(request), ret, error);
}

/* Whether its words and its picture may leave the machine, and its user lets them go there. A dry run sends nothing. */
static int check_server(const Service *service, const Server *server, const json_t *request, Error *error)
{
        const Privacy *privacy = &service->config->remote->privacy;
        const char *first = json_string_value(json_array_get(json_object_get(request, "lineage"), 0));
        const char *texts[] = { text_of(request, "idea"), text_of(request, "refine"), first ? first : "" };
        const char *name;
        json_t *value;

        if (json_is_true(json_object_get(request, "dry-run")))
                return 0;
        int r = remote_check(server, error);
        if (r >= 0 && json_is_true(json_object_get(request, "private")))
                r = gate_check_place(server, error);
        if (r >= 0)
                r = gate_check_private(privacy, server, texts, ELEMENTSOF(texts), shows(request), error);
        json_object_foreach(json_object_get(request, "fields"), name, value)
                if (r >= 0 && json_is_string(value))
                        r = gate_check_private(privacy, server, (const char *[]) { json_string_value(value) }, 1, false, error);
        return r;
}

int chat_check(const Service *service, const json_t *request, Error *error)
{
        const Server *server;

        int r = find(service, request, &server, error);
        return r < 0 ? r : check_server(service, server, request, error);
}

/* --- what is asked --- */

static int add_part(int parts[static NET_PART_MAX], NetPart part, const char *text)
{
        parts[part] = memfd_new_sealed("text", text, strlen(text));
        return MIN(parts[part], 0);
}

static int add_role(int parts[static NET_PART_MAX], const Server *server, const json_t *request, Error *error)
{
        _cleanup_(freep) char *text = NULL;

        if (shows(request))
                return add_part(parts, NET_PART_ROLE, looking_role);
        if (server->role[0] == '\0')
                return add_part(parts, NET_PART_ROLE, usual_role);
        int r = config_file_read(server->role, &text);
        if (!text)
                return error_set(error, -EINVAL, "%s: %s", server->role, strerror(-r));
        const size_t size = strlen(text);
        if (size == 0 || size > NET_TEXT_MAX || !utf8_is_valid(text, size))
                return error_set(error, -EINVAL, "%s: not a text of at most %u bytes", server->role, NET_TEXT_MAX);
        return add_part(parts, NET_PART_ROLE, text);
}

/* The idea, and a line for each field that is to be as given. */
static int add_idea(int parts[static NET_PART_MAX], const json_t *request, const char *idea)
{
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);
        const char *name;
        json_t *value;

        if (!stream)
                return -ENOMEM;
        (void)fputs(idea, stream);
        json_object_foreach(json_object_get(request, "fields"), name, value) {
                if (json_is_string(value) && json_string_length(value) > 0)
                        (void)fprintf(stream, "\n%s: %s", name, json_string_value(value));
        }
        if (fclose(stream) != 0 || !text)
                return -ENOMEM;
        return size > NET_TEXT_MAX ? -EFBIG : add_part(parts, NET_PART_PROMPT, text);
}

/* A prompt of before is changed: then the idea is that prompt, and the lineage begins with what it was made of. */
static int add_parts(int parts[static NET_PART_MAX], const Server *server, const json_t *request, Error *error)
{
        const char *idea = text_of(request, "idea"), *refine = text_of(request, "refine");
        const char *first = json_string_value(json_array_get(json_object_get(request, "lineage"), 0));
        _cleanup_(freep) char *order = NULL;

        int r = add_role(parts, server, request, error);
        if (r >= 0)
                r = add_idea(parts, request, *refine && first ? first : idea);
        if (r >= 0 && *refine)
                r = add_part(parts, NET_PART_EARLIER, idea);
        if (r >= 0 && *refine && asprintf(&order, "%s%s", change, refine) < 0)
                return -ENOMEM;
        return r >= 0 && *refine ? add_part(parts, NET_PART_CHANGE, order) : r;
}

static void fill(const Server *server, const json_t *request, NetAsk *ask)
{
        const json_t *count = json_object_get(request, "count");

        remote_fill(server, ask);
        ask->count = count ? (uint32_t)json_integer_value(count) : 1;
        ask->seed = (uint64_t)json_integer_value(json_object_get(request, "seed"));
        ask->flags |= json_is_true(json_object_get(request, "seed-given")) ? NET_ASK_SEED : 0;
        ask->flags |= json_is_true(json_object_get(request, "dry-run")) ? NET_ASK_DRY_RUN : 0;
}

/* --- what comes back --- */

static void fail(Chat *chat, const Error *error)
{
        chat->done(NULL, error, chat->userdata);
}

/* Whether something of ours stands in the prompt beside what the server said. */
static bool adds_own_words(const json_t *request)
{
        return *text_of(request, "template") || *text_of(request, "profile") || *text_of(request, "purpose") ||
               json_object_size(json_object_get(request, "fields")) > 0;
}

/* The server's own words are the prompt for any generator. */
static void on_taken_apart(const json_t *answer, const Error *error, void *userdata)
{
        Chat *chat = userdata;
        json_t *copy = answer ? json_deep_copy(answer) : NULL, *result;
        size_t i;

        json_array_foreach(json_object_get(copy, "results"), i, result) {
                json_t *text = json_array_get(chat->texts, i);
                if (text && !adds_own_words(chat->request))
                        (void)json_object_set(result, "prompt", text);
        }
        chat->done(copy, error, chat->userdata); /* may free it */
        json_decref(copy);
}

/* A dry run's results are what would be sent. */
static void show(const Chat *chat)
{
        json_t *results = json_array(), *text;
        size_t i;

        json_array_foreach(chat->texts, i, text)
                (void)json_array_append_new(results, json_pack("{s:O, s:[s]}", "prompt", text, "lineage", text_of(chat->request, "idea")));
        json_t *answer = json_pack("{s:o}", "results", results);
        chat->done(answer, NULL, chat->userdata); /* may free it */
        json_decref(answer);
}

static int on_result(const NetResult *result, int fd, void *userdata)
{
        Chat *chat = userdata;
        _cleanup_(freep) char *text = NULL;
        size_t size;
        (void)result;

        int r = memfd_check_sealed(fd, NET_REQUEST_MAX, &size);
        if (r < 0)
                return r;
        text = malloc(size);
        if (!text || pread(fd, text, size, 0) != (ssize_t)size)
                return text ? -EIO : -ENOMEM;
        return json_array_append_new(chat->texts, json_stringn(text, size)) < 0 ? -EBADMSG : 0;
}

static void on_ended(const Error *error, void *userdata)
{
        Chat *chat = userdata;
        const Job *job = queue_find_serial(chat->service->queue, chat->serial);
        Error failure = {};

        if (error || !job) {
                fail(chat, error ? error : &(Error) { -ECANCELED, "The job is gone" });
                return;
        }
        if (json_is_true(json_object_get(chat->request, "dry-run"))) {
                show(chat);
                return;
        }
        (void)json_object_set(chat->request, "texts", chat->texts);
        if (builtin_start(&chat->builtin, chat->service, job, chat->request, on_taken_apart, chat, &failure) < 0)
                fail(chat, &failure);
}

int chat_start(void **ret, Service *service, const Job *job, const json_t *request, prompt_done_t done, void *userdata, Error *error)
{
        static const NetCallHandlers handlers = { .result = on_result, .ended = on_ended };
        int parts[NET_PART_MAX];
        const Server *server;
        NetAsk ask;

        int r = find(service, request, &server, error);
        if (r >= 0)
                r = check_server(service, server, request, error);
        if (r < 0)
                return r;
        Chat *chat = calloc(1, sizeof(Chat));
        if (!chat)
                return error_set(error, -ENOMEM, "Out of memory");
        *chat = (Chat) {
                .service = service, .serial = job->serial, .request = json_deep_copy(request), .texts = json_array(), .done = done, .userdata = userdata,
        };
        for (size_t i = 0; i < NET_PART_MAX; i++)
                parts[i] = -1;
        fill(server, request, &ask);
        if (shows(request)) /* nobody describes what is not there */
                r = parts[NET_PART_PICTURE] = memfd_reopen(job->inputs[INPUT_IMAGE].fd);
        if (r >= 0)
                r = add_parts(parts, server, request, error);
        if (r < 0 && error->code == 0)
                (void)error_set(error, r, "The question cannot be written: %s", strerror(-r));
        if (r >= 0)
                r = remote_ask(&chat->call, service, server, &ask, parts, &handlers, chat, error);
        for (size_t i = 0; i < NET_PART_MAX; i++)
                closep(&parts[i]);
        if (r < 0) {
                chat_stop(chat);
                return r;
        }
        *ret = chat;
        return 0;
}
