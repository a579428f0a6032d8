/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the machine's instance says of its models. */

#include <errno.h>

#include "base/util.h"
#include "service/file-digests.h"
#include "service/forward/forward-private.h"
#include "service/models.h"

#define MODELS_MAX 1024

/* The keys of ListModels that are wanted, and where each goes. */
static const struct {
        const char *key;
        char type;
        size_t offset, size;
} fields[] = {
#define FIELD(key, type, member) { key, type, offsetof(ForwardModel, member), sizeof(((ForwardModel *)NULL)->member) }
        FIELD("resident", 'b', resident),
        FIELD("default", 'b', by_default),
        FIELD("bytes", 't', files.bytes),
        FIELD("digest", 's', files.info.digest),
        FIELD("difference", 's', files.info.difference),
        FIELD("title", 's', files.info.name),
        FIELD("version", 's', files.info.version),
        FIELD("license", 's', files.info.license),
        FIELD("width", 'u', ready.width),
        FIELD("height", 'u', ready.height),
        FIELD("size-multiple", 'u', ready.size_multiple),
        FIELD("steps", 'u', ready.steps),
        FIELD("guidance", 'd', ready.guidance),
        FIELD("parameters", 't', ready.parameters),
#undef FIELD
};

static int read_text(ForwardModel *model, const char *key, const char *text)
{
        if (streq(key, "directory")) {
                free(model->directory);
                model->directory = strdup(text);
                return model->directory ? 0 : -ENOMEM;
        }
        if (streq(key, "digest-state")) {
                for (DigestState state = DIGEST_UNKNOWN; state <= DIGEST_MISMATCH; state++)
                        if (streq(text, digest_state_to_string(state)))
                                model->files.state = state;
                return 0;
        }
        if (streq(key, "sampler")) {
                int sampler = sampler_from_string(text, NULL);
                model->ready.sampler = sampler > 0 ? (uint32_t)sampler : SAMPLER_DEFAULT;
                return 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (fields[i].type == 's' && streq(key, fields[i].key))
                        (void)snprintf((char *)model + fields[i].offset, fields[i].size, "%s", text);
        return 0;
}

static int read_number(ForwardModel *model, const char *key, char type, sd_bus_message *message)
{
        char signature[] = { type, '\0' };
        union {
                uint64_t t;
                uint32_t u;
                double d;
                int b;
        } value;

        int r = sd_bus_message_read(message, "v", signature, &value);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(fields); i++) {
                if (fields[i].type != type || !streq(key, fields[i].key))
                        continue;
                if (type == 'b')
                        *(bool *)((uint8_t *)model + fields[i].offset) = value.b != 0;
                else
                        memcpy((uint8_t *)model + fields[i].offset, &value, fields[i].size);
        }
        return r;
}

/* Each file's digest; what is none is left out. */
static int read_digests(ForwardModel *model, sd_bus_message *message)
{
        const char *path, *digest;
        json_t *digests = json_object();

        int r = digests ? sd_bus_message_enter_container(message, 'v', "a{ss}") : -ENOMEM;
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "{ss}");
        while (r >= 0 && (r = sd_bus_message_read(message, "{ss}", &path, &digest)) > 0)
                (void)file_digests_add(digests, path, digest);
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        json_decref(model->files.digests);
        model->files.digests = digests;
        return r;
}

static int read_detail(ForwardModel *model, sd_bus_message *message)
{
        const char *key, *contents, *text;

        int r = sd_bus_message_read(message, "s", &key);
        if (r >= 0)
                r = sd_bus_message_peek_type(message, NULL, &contents);
        if (r < 0)
                return r;
        if (streq(contents, "s")) {
                r = sd_bus_message_read(message, "v", "s", &text);
                return r < 0 ? r : read_text(model, key, text);
        }
        if (contents[0] && contents[1] == '\0' && strchr("tudb", contents[0]))
                return read_number(model, key, contents[0], message);
        if (streq(key, "files") && streq(contents, "a{ss}"))
                return read_digests(model, message);
        return sd_bus_message_skip(message, "v"); /* of a newer version */
}

static int read_model(ForwardModel *model, sd_bus_message *message)
{
        const char *name;

        int r = sd_bus_message_read(message, "s", &name);
        if (r >= 0 && !model_name_is_valid(name))
                r = -EBADMSG;
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        memcpy(model->files.name, name, strlen(name) + 1);
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = read_detail(model, message);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        memcpy(model->ready.version, model->files.info.version, sizeof(model->ready.version));
        memcpy(model->ready.license, model->files.info.license, sizeof(model->ready.license));
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

/* Doubles it when it is full, which it is at every power of two. */
static int make_room(Forward *forward)
{
        const size_t n = forward->n_models;
        if (n & (n - 1))
                return 0;

        ForwardModel *models = calloc(n ? 2 * n : 1, sizeof(*models));
        if (!models)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                models[i] = forward->models[i];
        free(forward->models);
        forward->models = models;
        return 0;
}

static int add_model(Forward *forward, sd_bus_message *message)
{
        if (forward->n_models >= MODELS_MAX)
                return -E2BIG;
        if (make_room(forward) < 0)
                return -ENOMEM;
        ForwardModel *model = &forward->models[forward->n_models++];
        int r = read_model(model, message);
        if (r >= 0 && !model->directory)
                r = -EBADMSG;
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

int forward_read_models(Forward *forward, sd_bus_message *reply)
{
        forward_clear_models(forward);
        int r = sd_bus_message_enter_container(reply, 'a', "(sa{sv})");
        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'r', "sa{sv}")) > 0)
                r = add_model(forward, reply);
        if (r < 0)
                forward_clear_models(forward);
        return r;
}

void forward_clear_models(Forward *forward)
{
        ForwardModel *models = TAKE_PTR(forward->models);
        const size_t n = forward->n_models;

        forward->n_models = 0;
        for (size_t i = 0; i < n; i++) {
                free(models[i].directory);
                json_decref(models[i].files.digests);
        }
        free(models);
}

const ForwardModel *forward_models(const Forward *forward, size_t *ret_n)
{
        *ret_n = forward->n_models;
        return forward->models;
}

const ForwardModel *forward_find_model(const Forward *forward, const char *name)
{
        for (size_t i = 0; i < forward->n_models; i++)
                if (streq(forward->models[i].files.name, name))
                        return &forward->models[i];
        return NULL;
}
