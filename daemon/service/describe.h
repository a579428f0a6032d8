/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/service.h"

/* The service's state as JSON, with the jobs of that user and nobody else's. *ret is the caller's. */
int describe_service(Service *service, uid_t uid, char **ret);
