/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What service.c (the whole), service-jobs.c (how jobs end and are forgotten), service-news.c (what its parts tell) and
 * service-status.c (what it tells them) share. */

#include "service/service.h"

extern const ResidencyHandlers service_residency_handlers;
extern const ForwardHandlers service_forward_handlers;

/* Takes the name, and begins to work. */
int service_open(Service *service);

/* Sees to it that results go when their time has come. */
void service_schedule_expiry(Service *service);

/* For the queue: a job is forgotten. */
void service_forget_job(Job *job, void *service);

/* For callers: a connection has left, and with it go its jobs, but for those that are detached. */
void service_forget_caller(const char *name, void *service);

/* The latest; there must have been one. */
const LastError *service_last_error(const Service *service);

/* Power has to be saved, or not any more, or the configuration is another one. */
void service_follow_power(void *service);

/* The machine falls asleep, or has woken up. */
void service_follow_sleep(bool asleep, void *service);
