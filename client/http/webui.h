/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* AUTOMATIC1111's interface: what is asked for in webui-request.c, pictures in webui.c, what comes of pictures that are there in
 * webui-pictures.c, what there is to choose from in webui-lists.c. */

#include "client/http/web.h"

/* The model that the app has set with /options, or NULL. It is forgotten when the bridge ends. */
const char *choice_of(const Bridge *bridge, const char *app);

void choices_free(Bridge *bridge);
