/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/util.h"
#include "client/http/guard.h"

static bool names(const char *host, size_t length, const char *name)
{
        return strlen(name) == length && strncasecmp(host, name, length) == 0;
}

bool guard_host_is_ours(const char *host, const char *const *others)
{
        static const char *const ours[] = { "localhost", "127.0.0.1", "[::1]" };

        if (!host)
                return false;
        const char *port = strrchr(host, ':');
        if (port && port[1 + strspn(port + 1, "0123456789")] != '\0')
                port = NULL; /* within an address */
        const size_t length = port ? (size_t)(port - host) : strlen(host);
        for (size_t i = 0; i < ELEMENTSOF(ours); i++)
                if (names(host, length, ours[i]))
                        return true;
        for (; others && *others; others++)
                if (names(host, length, *others))
                        return true;
        return false;
}

bool guard_is_of_page(const char *origin, const char *fetch_site)
{
        return origin || (fetch_site && !streq(fetch_site, "none") && !streq(fetch_site, "same-origin"));
}

static bool copy(const char *text, size_t length, char secret[SECRET_MAX + 1])
{
        if (length == 0 || length > SECRET_MAX || memchr(text, '\0', length))
                return false;
        memcpy(secret, text, length);
        secret[length] = '\0';
        return true;
}

bool guard_secret(const char *authorization, char secret[SECRET_MAX + 1])
{
        char text[2 * SECRET_MAX + 1];

        if (!authorization)
                return false;
        if (strncasecmp(authorization, "Bearer ", 7) == 0) {
                authorization += 7 + strspn(authorization + 7, " ");
                return copy(authorization, strlen(authorization), secret);
        }
        if (strncasecmp(authorization, "Basic ", 6) != 0 || strlen(authorization + 6) >= sizeof(text))
                return false;
        (void)strcpy(text, authorization + 6);
        const ssize_t size = base64_decode(text, strlen(text));
        const char *colon = size > 0 ? memchr(text, ':', (size_t)size) : NULL;
        const bool found = colon && copy(colon + 1, (size_t)(text + size - colon - 1), secret);
        explicit_bzero(text, sizeof(text));
        return found;
}

#define TOKEN_PREFIX "/token/"

const char *guard_path(const char *url, char secret[SECRET_MAX + 1])
{
        secret[0] = '\0';
        if (strncmp(url, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) != 0)
                return url;
        const char *token = url + strlen(TOKEN_PREFIX), *path = strchr(token, '/');
        if (!path || !copy(token, (size_t)(path - token), secret))
                return url;
        while (path[1] == '/') /* "…/token/SECRET/" was entered */
                path++;
        return path;
}
