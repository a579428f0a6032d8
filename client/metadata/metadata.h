/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What stands in a picture's file beside the picture: PNG, JPEG or WebP, told apart by their first bytes. Whoever wrote it is not
 * trusted: what is larger than anybody writes, or does not end, is passed over.
 *
 *     _cleanup_(metadata_done) Metadata metadata = { 0 };
 *     if (metadata_read(data, size, &metadata) > 0)
 *             puts(metadata_text(&metadata, "parameters") ?: "none");
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METADATA_TEXTS_MAX 64
#define METADATA_SIZE_MAX (1U << 20) /* bytes of one text */

typedef struct MetadataText {
        char *key, *text; /* valid UTF-8 */
} MetadataText;

typedef struct Metadata { /* metadata_done() */
        const char *container; /* "png", "jpeg", "webp" */
        MetadataText texts[METADATA_TEXTS_MAX]; /* by a PNG's keyword, or by the name of Exif's field: "UserComment", … */
        size_t n_texts;
        const char *xmp; /* a packet, within the data; NULL: none */
        char *xmp_owned;
        size_t xmp_size;
        bool has_c2pa; /* a signed manifest is there; nobody has looked at it */
} Metadata;

/* 1; 0: no such file; -ENOMEM. *ret refers to the data. */
int metadata_read(const void *data, size_t size, Metadata *ret);
void metadata_done(Metadata *metadata);

/* The first text of that key, or NULL. */
const char *metadata_text(const Metadata *metadata, const char *key);

/* --- for the containers, one file each --- */

/* All of these return -ENOMEM or 0; what is broken ends the reading, without an error. */
int metadata_read_png(const uint8_t *data, size_t size, Metadata *metadata);
int metadata_read_jpeg(const uint8_t *data, size_t size, Metadata *metadata);
int metadata_read_webp(const uint8_t *data, size_t size, Metadata *metadata);
int metadata_read_exif(const uint8_t *data, size_t size, Metadata *metadata);

/* Adds bytes that are UTF-8 or, where they are not, Latin-1; up to the first zero. */
int metadata_add(Metadata *metadata, const char *key, const void *text, size_t size);
