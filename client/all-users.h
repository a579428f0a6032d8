/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/bus.h"

/* 'jobs --all': the jobs of all users, of the machine's instance. */
ExitCode all_users_list(Client *client);

/* 'cancel --of USER ID' */
ExitCode all_users_cancel(Client *client);
