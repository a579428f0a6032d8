/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/desktop/place.h"
#include "client/thumbnail.h"

#define FAILED "fail/imagined-" VERSION /* of ours */
#define NAME_SIZE 37 /* 32 digits, ".png" and the end */

static bool is_plain(unsigned char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The URI as GLib writes it (g_filename_to_uri), of which the name is made; to be freed. */
static char *uri_of(const char *path)
{
        char *uri = NULL;
        size_t size;
        FILE *f = open_memstream(&uri, &size);
        if (!f)
                return NULL;

        (void)fputs("file://", f);
        for (const unsigned char *s = (const unsigned char *)path; *s; s++)
                (void)(is_plain(*s) || strchr("-_.!~*'()/&=:@+$,", *s) ? fputc(*s, f) : fprintf(f, "%%%02X", *s));
        if (fclose(f) == 0)
                return uri;
        free(uri);
        return NULL;
}

static bool name_of(const char *uri, char ret[static NAME_SIZE])
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned size = 0;

        if (EVP_Digest(uri, strlen(uri), digest, &size, EVP_md5(), NULL) != 1 || size != 16)
                return false;
        for (size_t i = 0; i < size; i++)
                (void)snprintf(ret + 2 * i, 3, "%02x", digest[i]);
        (void)snprintf(ret + 32, NAME_SIZE - 32, ".png");
        return true;
}

void thumbnail_remove(const char *path)
{
        static const char *const folders[] = { "normal", "large", "x-large", "xx-large", "fail/gnome-thumbnail-factory", FAILED };
        _cleanup_(freep) char *cache = place_of_user(BASE_CACHE, "thumbnails"), *uri = uri_of(path);
        char name[NAME_SIZE];

        if (!cache || !uri || !name_of(uri, name))
                return;
        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                _cleanup_(freep) char *file = NULL;
                if (asprintf(&file, "%s/%s/%s", cache, folders[i], name) < 0)
                        file = NULL;
                else
                        (void)unlink(file);
        }
}
