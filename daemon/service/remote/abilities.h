/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a server of the configuration can be asked: what its dialect can, and of ComfyUI that for which its workflow has a place. */

#include "config-servers.h"
#include "net/capabilities.h"

/* The workflow of a server that has one; *ret is the caller's. REMOTE_NOT_CONFIGURED with a sentence: it cannot be read. */
int abilities_read_workflow(const Server *server, char **ret, Error *error);

/* model: as the server calls it. REMOTE_NOT_CONFIGURED with a sentence: it makes no pictures, or its workflow cannot be read. */
int abilities_of(const Server *server, const char *model, Capabilities *ret, Error *error);
