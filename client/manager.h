/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/bus.h"

/* The Manager's properties. */
typedef struct ManagerInfo {
        char version[64], state[32], model[128]; /* model: "" for none */
} ManagerInfo;

/* The name of a state (ManagerInfo.state) in the user's language. */
const char *manager_state_text(const char *state);

/* CODE_OK, or what has been reported. */
ExitCode manager_read(Client *client, ManagerInfo *ret);
