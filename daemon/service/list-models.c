/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "service/catalogue.h"
#include "service/list-models.h"

/* Each file's digest, by its path. */
static int append_digests(sd_bus_message *reply, const json_t *digests)
{
        const char *path;
        json_t *digest;

        int r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "files");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a{ss}");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{ss}");
        json_object_foreach((json_t *)(uintptr_t)digests, path, digest)
                if (r >= 0)
                        r = sd_bus_message_append(reply, "{ss}", path, json_string_value(digest));
        for (int i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

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
        if (r >= 0 && files->digests)
                r = append_digests(reply, files->digests);
        if (r >= 0 && files->state == DIGEST_MISMATCH)
                r = sd_bus_message_append(reply, "{sv}", "difference", "s", info->difference);
        if (r >= 0 && (known || ready))
                r = sd_bus_message_append(
                                reply, "{sv}{sv}", "version", "s", known ? info->version : ready->version, "license",
                                "s", known ? info->license : ready->license);
        return r;
}

static int append_details(sd_bus_message *reply, const CatalogueEntry *model)
{
        const ModelReady *info = model->ready;

        int r = sd_bus_message_append(
                        reply, "{sv}{sv}{sv}", "resident", "b", model->resident, "default", "b", model->by_default,
                        "directory", "s", model->directory);
        if (r >= 0)
                r = append_files(reply, model->files, info);
        if (r >= 0 && info)
                r = sd_bus_message_append(
                                reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "width", "u", info->width, "height", "u",
                                info->height, "size-multiple", "u", info->size_multiple, "steps", "u", info->steps,
                                "guidance", "d", info->guidance, "sampler", "s", sampler_to_string(info->sampler),
                                "parameters", "t", info->parameters, "precision", "s",
                                precision_to_string((Precision)info->precision));
        return r;
}

static int append_model(sd_bus_message *reply, const CatalogueEntry *model)
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
        r = append_details(reply, model);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int reply_models(sd_bus_message *call, const Catalogue *catalogue)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = sd_bus_message_new_method_return(call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "(sa{sv})");
        for (size_t i = 0; i < catalogue->n && r >= 0; i++)
                r = append_model(reply, &catalogue->entries[i]);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

int manager_list_models(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        Catalogue catalogue;
        (void)error;

        int r = catalogue_read(userdata, &catalogue);
        if (r < 0)
                return r;
        r = reply_models(call, &catalogue);
        catalogue_clear(&catalogue);
        return r;
}
