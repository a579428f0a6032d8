/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What service.c (the whole), service-news.c (what its parts tell) and service-status.c (what it tells them) share. */

#include "service/service.h"

extern const ResidencyHandlers service_residency_handlers;
extern const ForwardHandlers service_forward_handlers;

/* Takes the name, and begins to work. */
int service_open(Service *service);

/* The latest; there must have been one. */
const LastError *service_last_error(const Service *service);

/* Power has to be saved, or not any more, or the configuration is another one. */
void service_follow_power(void *service);

/* The machine falls asleep, or has woken up. */
void service_follow_sleep(bool asleep, void *service);
