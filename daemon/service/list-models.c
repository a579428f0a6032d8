/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "service/list-models.h"
#include "service/models.h"
#include "service/service.h"

/* What the files are; files is NULL when memory ran out. */
static int append_files(sd_bus_message *reply, const ModelFiles *files, const ModelReady *ready)
{
        if (!files)
                return 0;
        const DigestInfo *info = &files->info;
        bool known = info->digest[0] != '\0';

        int r = sd_bus_message_append(
                        reply, "{sv}{sv}", "bytes", "t", files->bytes, "digest-state", "s",
                        digest_state_to_string(files->state));
        if (r >= 0 && known)
                r = sd_bus_message_append(
                                reply, "{sv}{sv}", "digest", "s", info->digest, "title", "s", info->name);
        if (r >= 0 && files->state == DIGEST_MISMATCH)
                r = sd_bus_message_append(reply, "{sv}", "difference", "s", info->difference);
        if (r >= 0 && (known || ready))
                r = sd_bus_message_append(
                                reply, "{sv}{sv}", "version", "s", known ? info->version : ready->version, "license",
                                "s", known ? info->license : ready->license);
        return r;
}

static int append_details(sd_bus_message *reply, const Service *service, const Model *model, const char *by_default)
{
        const ModelReady *info = residency_info(service->residency, model->name);

        int r = sd_bus_message_append(
                        reply, "{sv}{sv}{sv}", "resident", "b", residency_is_ready(service->residency, model->name),
                        "default", "b", streq(model->name, by_default), "directory", "s", model->directory);
        if (r >= 0)
                r = append_files(reply, digests_find(service->digests, model->name), info);
        if (r >= 0 && info)
                r = sd_bus_message_append(
                                reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "width", "u", info->width, "height", "u",
                                info->height, "size-multiple", "u", info->size_multiple, "steps", "u", info->steps,
                                "guidance", "d", info->guidance, "sampler", "s", sampler_to_string(info->sampler),
                                "parameters", "t", info->parameters);
        return r;
}

static int append_model(sd_bus_message *reply, const Service *service, const Model *model, const char *by_default)
{
        int r = sd_bus_message_open_container(reply, 'r', "sa{sv}");
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "s", model->name);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r < 0)
                return r;
        r = append_details(reply, service, model, by_default);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int reply_models(sd_bus_message *call, const Service *service, const Models *models)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(freep) char *directory = NULL;
        char by_default[MODEL_NAME_MAX + 1] = "";

        (void)models_resolve(service->config->models, service->config->default_model, &directory, by_default, NULL);
        int r = sd_bus_message_new_method_return(call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "(sa{sv})");
        for (size_t i = 0; i < models->n && r >= 0; i++)
                r = append_model(reply, service, &models->items[i], by_default);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

int manager_list_models(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        Service *service = userdata;
        Models models;
        (void)error;

        int r = models_find(&models, service->config->models);
        if (r < 0)
                return r;
        digests_look(service->digests, &models);
        r = reply_models(call, service, &models);
        models_clear(&models);
        return r;
}
