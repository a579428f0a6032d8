/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a request needs of the system, fetched before the worker shuts itself in. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "net/bytes.h"
#include "net/resolver.h"

struct curl_slist;

/* Whether a URL's host is one itself. */
bool http_is_address(const char *host);

/* The addresses of a host, as CURLOPT_RESOLVE wants them. NULL in *ret: the host is an address itself. Blocks. */
int http_resolve(struct curl_slist **ret, const char *host, uint16_t port, Error *error);

/* The addresses alone, joined by commas, those of version 6 in brackets. */
int http_resolve_host(char ret[static RESOLVER_TEXT_MAX], const char *host, Error *error);

/* Adds a host with such addresses to a list for CURLOPT_RESOLVE. -ENOMEM. */
int http_pin(struct curl_slist **list, const char *host, uint16_t port, const char *addresses);

/* Certificates that are trusted: of that file, or, "", the system's. */
int http_read_certificates(Bytes *ret, const char *file, Error *error);
