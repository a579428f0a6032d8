/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The settings that programs write into their pictures. One file a format, one line each in formats.c. All become the text that
 * web UIs call parameters, which client/settings.h takes apart. */

#include "client/metadata/metadata.h"

typedef struct Format {
        const char *program; /* as its makers call it */
        /* 1 with the malloc'ed text; 0: the file has none of this program; -ENOMEM. */
        int (*read)(const Metadata *metadata, char **ret);
} Format;

/* The first format that has something to say; results as read()'s. *ret_program is what wrote it. */
int formats_read(const Metadata *metadata, char **ret, const char **ret_program);

int format_webui_read(const Metadata *metadata, char **ret);
int format_comfyui_read(const Metadata *metadata, char **ret);
int format_invokeai_read(const Metadata *metadata, char **ret);
