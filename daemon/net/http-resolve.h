/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a request needs of the system, fetched before the worker shuts itself in. */

#include <stdint.h>

#include "base/error.h"
#include "net/bytes.h"

struct curl_slist;

/* The addresses of a host, as CURLOPT_RESOLVE wants them. NULL in *ret: the host is an address itself. Blocks. */
int http_resolve(struct curl_slist **ret, const char *host, uint16_t port, Error *error);

/* Certificates that are trusted: of that file, or, "", the system's. */
int http_read_certificates(Bytes *ret, const char *file, Error *error);
