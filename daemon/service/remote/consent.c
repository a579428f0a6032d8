/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/util.h"
#include "service/remote/consent.h"
#include "service/remote/state.h"

#define FORMAT 1
#define BYTES_MAX (1 << 20)

#define FILE_NAME "imagined/consent.json"

static json_t *load(const char *path)
{
        _cleanup_(closep) int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW) : -1;
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 022 ||
            st.st_size > BYTES_MAX)
                return NULL;
        json_t *root = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
        if (json_integer_value(json_object_get(root, "format")) == FORMAT && json_is_object(json_object_get(root, "servers")))
                return root;
        json_decref(root);
        return NULL;
}

bool consent_is_given(const Server *server)
{
        _cleanup_(freep) char *path = state_file(FILE_NAME, false);
        _cleanup_(json_decrefp) json_t *root = load(path);
        const json_t *entry = json_object_get(json_object_get(root, "servers"), server->name);
        const char *url = json_string_value(json_object_get(entry, "url"));

        return url && streq(url, server->url);
}

int consent_set(const char *name, const char *url, Error *error)
{
        _cleanup_(freep) char *path = state_file(FILE_NAME, true), *text = NULL;
        if (!path)
                return error_set(error, -ENOENT, "There is no home directory to note it in");

        _cleanup_(json_decrefp) json_t *root = load(path);
        if (!root)
                root = json_pack("{s:i, s:{}}", "format", FORMAT, "servers");
        json_t *servers = json_object_get(root, "servers");
        if (url)
                (void)json_object_set_new(servers, name, json_pack("{s:s, s:I}", "url", url, "granted", (json_int_t)time(NULL)));
        else
                (void)json_object_del(servers, name);
        text = json_dumps(root, JSON_INDENT(1) | JSON_SORT_KEYS);
        /* What was revoked stays so. */
        int r = text ? file_put(path, text, true) : -ENOMEM;
        return r < 0 ? error_set(error, r, "%s: %s", path, strerror(-r)) : 0;
}
