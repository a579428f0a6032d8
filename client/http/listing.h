/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What there is to draw with, for an exchange that waits for that: the installed models, as the service lists them, and
 * "provider/NAME" for each other generator that the user has consented to. */

#include "client/http/web.h"

/* Asks for them; answer() gets the array (client/models.h) and answers. The exchange's route has to have listing_stop(). */
void listing_begin(Exchange *exchange, void (*answer)(Exchange *exchange, json_t *models));
