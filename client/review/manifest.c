/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/files.h"
#include "client/i18n.h"
#include "client/review/manifest.h"

#define VERSION_OF_FORM 1

static int load(const char *path, json_t **ret)
{
        json_error_t error;
        json_t *root = json_load_file(path, 0, &error);

        if (!root)
                return access(path, F_OK) < 0 && errno == ENOENT ? 0 : -EBADMSG;
        if (json_integer_value(json_object_get(root, "version")) != VERSION_OF_FORM ||
            !json_is_array(json_object_get(root, "pictures"))) {
                json_decref(root);
                return -EBADMSG;
        }
        *ret = root;
        return 1;
}

ExitCode manifest_open(Client *c, const char *folder, Manifest *ret)
{
        Manifest manifest = { .folder = folder };
        _cleanup_(freep) char *path = manifest_path(&manifest, MANIFEST_NAME);

        if (mkdir(folder, 0777) < 0 && errno != EEXIST)
                return client_fail(c, CODE_FAILED, _("cannot make %s: %s"), folder, strerror(errno));
        int r = path ? load(path, &manifest.root) : -ENOMEM;
        if (r == -EBADMSG)
                return client_fail(c, CODE_FAILED, _("%s is no manifest of this program"), path);
        if (r == 0)
                manifest.root = json_pack("{s:i, s:[]}", "version", VERSION_OF_FORM, "pictures");
        if (r < 0 || !manifest.root)
                return client_fail(c, CODE_FAILED, _("out of memory"));
        manifest.pictures = json_object_get(manifest.root, "pictures");
        *ret = manifest;
        return CODE_OK;
}

static ssize_t index_of(const Manifest *manifest, const char *id)
{
        for (size_t i = 0; i < json_array_size(manifest->pictures); i++) {
                const char *other = json_string_value(json_object_get(json_array_get(manifest->pictures, i), "id"));
                if (other && streq(other, id))
                        return (ssize_t)i;
        }
        return -1;
}

int manifest_put(Manifest *manifest, json_t *picture)
{
        const ssize_t i = picture ? index_of(manifest, json_string_value(json_object_get(picture, "id"))) : -1;
        int r = !picture  ? -1
                : i >= 0 ? json_array_set_new(manifest->pictures, (size_t)i, picture)
                         : json_array_append_new(manifest->pictures, picture);
        return r < 0 ? -ENOMEM : 0;
}

bool manifest_remove(Manifest *manifest, const char *id)
{
        const ssize_t i = index_of(manifest, id);
        const char *file = json_string_value(json_object_get(i >= 0 ? json_array_get(manifest->pictures, (size_t)i) : NULL, "file"));

        if (i < 0)
                return false;
        /* The manifest may be anybody's: nothing outside of the folder goes. */
        if (file && *file && !strchr(file, '/')) {
                _cleanup_(freep) char *path = manifest_path(manifest, file);
                if (path)
                        (void)unlink(path);
        }
        return json_array_remove(manifest->pictures, (size_t)i) == 0;
}

char *manifest_path(const Manifest *manifest, const char *file)
{
        char *path;
        return asprintf(&path, "%s/%s", manifest->folder, file) < 0 ? NULL : path;
}

ExitCode manifest_save(Client *c, const Manifest *manifest)
{
        _cleanup_(freep) char *path = manifest_path(manifest, MANIFEST_NAME);
        _cleanup_(freep) char *text = json_dumps(manifest->root, JSON_INDENT(2));

        if (!path || !text)
                return client_fail(c, CODE_FAILED, _("out of memory"));
        int r = file_replace(path, text, strlen(text));
        return r < 0 ? client_fail(c, CODE_FAILED, _("cannot write %s: %s"), path, strerror(-r)) : CODE_OK;
}

void manifest_done(Manifest *manifest)
{
        json_decref(manifest->root);
        *manifest = (Manifest) { 0 };
}
