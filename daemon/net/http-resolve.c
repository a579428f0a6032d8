/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>

#include "base/util.h"
#include "net/http-resolve.h"
#include "net/protocol.h"

#define ADDRESSES_MAX 16 /* of RESOLVER_TEXT_MAX, with brackets and commas */
#define CERTIFICATES "/etc/ssl/certs/ca-certificates.crt" /* where libcurl names none */

DEFINE_CLEANUP(struct addrinfo *, freeaddrinfo)

/* ",ADDRESS", in brackets if it is of version 6. */
static int add_address(Bytes *line, const struct addrinfo *found, bool is_first)
{
        char address[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 4];
        bool six = found->ai_family == AF_INET6;
        const void *in = six ? (const void *)&((const struct sockaddr_in6 *)(const void *)found->ai_addr)->sin6_addr
                             : (const void *)&((const struct sockaddr_in *)(const void *)found->ai_addr)->sin_addr;

        if ((!six && found->ai_family != AF_INET) || !inet_ntop(found->ai_family, in, address, sizeof(address)))
                return 0;
        (void)snprintf(text, sizeof(text), "%s%s%s%s", is_first ? "" : ",", six ? "[" : "", address, six ? "]" : "");
        int r = bytes_add_text(line, text);
        return r < 0 ? r : 1;
}

bool http_is_address(const char *host)
{
        struct in_addr four;

        return host[0] == '[' || inet_pton(AF_INET, host, &four) == 1;
}

int http_resolve_host(char ret[static RESOLVER_TEXT_MAX], const char *host, Error *error)
{
        static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
        _cleanup_(freeaddrinfop) struct addrinfo *found = NULL;
        _cleanup_(bytes_done) Bytes line = { .max = RESOLVER_TEXT_MAX - 1 };
        int n = 0;

        int r = getaddrinfo(host, NULL, &hints, &found);
        if (r != 0)
                return error_set(error, NET_UNREACHABLE, "%s: %s", host, gai_strerror(r));
        r = 0;
        for (struct addrinfo *a = found; a && r >= 0 && n < ADDRESSES_MAX; a = a->ai_next) {
                r = add_address(&line, a, n == 0);
                n += r > 0;
        }
        if (r < 0)
                return error_set(error, r, "Out of memory");
        if (n == 0)
                return error_set(error, NET_UNREACHABLE, "%s has no address", host);
        (void)snprintf(ret, RESOLVER_TEXT_MAX, "%s", line.data);
        return 0;
}

int http_pin(struct curl_slist **list, const char *host, uint16_t port, const char *addresses)
{
        char line[300 + RESOLVER_TEXT_MAX];

        (void)snprintf(line, sizeof(line), "%s:%u:%s", host, port, addresses);
        struct curl_slist *longer = curl_slist_append(*list, line);
        if (!longer)
                return -ENOMEM;
        *list = longer;
        return 0;
}

int http_resolve(struct curl_slist **ret, const char *host, uint16_t port, Error *error)
{
        char addresses[RESOLVER_TEXT_MAX];

        *ret = NULL;
        if (http_is_address(host))
                return 0;
        int r = http_resolve_host(addresses, host, error);
        if (r < 0)
                return r;
        return http_pin(ret, host, port, addresses) < 0 ? error_set(error, -ENOMEM, "Out of memory") : 0;
}

static int read_file(Bytes *ret, const char *file)
{
        _cleanup_(closep) int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        char buffer[16384];
        ssize_t n;

        if (fd < 0)
                return -errno;
        while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
                int r = bytes_add(ret, buffer, (size_t)n);
                if (r < 0)
                        return r;
        }
        return n < 0 ? -errno : ret->size == 0 ? -ENODATA : 0;
}

int http_read_certificates(Bytes *ret, const char *file, Error *error)
{
        const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

        if (file[0] == '\0')
                file = info->cainfo ? info->cainfo : CERTIFICATES;
        int r = read_file(ret, file);
        if (r < 0)
                return error_set(error, NET_UNREACHABLE, "%s: no certificate can be trusted: %s", file, strerror(-r));
        return 0;
}
