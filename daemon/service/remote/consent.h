/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* To which servers a user has consented: a file of the user's, looked at each time, so that who takes it away is heeded at
 * once. Consent is for a name and an address: a server that moves is asked for anew.
 *
 *     $XDG_STATE_HOME/imagined/consent.json    (~/.local/state) */

#include <stdbool.h>

#include "base/error.h"
#include "config-servers.h"

/* False also where the file is broken, or another user's. */
bool consent_is_given(const Server *server);

/* url: NULL: consent is taken back. A sentence where it cannot be kept. */
int consent_set(const char *name, const char *url, Error *error);
