/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a picture's file says of how it came about and what it may be used for, whoever drew it:
 *
 *     _cleanup_(marks_done) Marks marks = {};
 *     int r = marks_set(&marks, MARK_SOURCE_TYPE, "%s", SOURCE_TYPE_TRAINED);
 *     if (r >= 0)
 *             r = marks_set(&marks, MARK_SYSTEM, "%s", model);
 *     …
 *     picture_encode(&picture, FORMAT_JPEG, 90, &marks, &data, &size, &error);     // engine/image/encode.h
 *
 * The properties are IPTC's (Photo Metadata Standard 2025.1), PLUS's and XMP's own; xmp.h has them in a packet. */

#include <stddef.h>
#include <stdint.h>

/* IPTC NewsCodes, Digital Source Type: made by a model; or by one from something that somebody else had made. */
#define SOURCE_TYPES "http://cv.iptc.org/newscodes/digitalsourcetype/"
#define SOURCE_TYPE_TRAINED SOURCE_TYPES "trainedAlgorithmicMedia"
#define SOURCE_TYPE_COMPOSITE SOURCE_TYPES "compositeWithTrainedAlgorithmicMedia"

typedef enum Mark {
        MARK_SOURCE_TYPE, /* SOURCE_TYPE_… */
        MARK_SYSTEM, /* the model, as its maker calls it */
        MARK_SYSTEM_VERSION,
        MARK_PROMPT, /* private: left out where the prompt is */
        MARK_PROMPT_WRITER, /* who wrote it */
        MARK_ALT_TEXT, /* for those who cannot see it: private like the prompt */
        MARK_USAGE_TERMS, /* what it may be used for, in a sentence */
        MARK_WEB_STATEMENT, /* the address of the licence or of the terms */
        MARK_CREATOR, /* who had it made */
        MARK_CREDIT, /* what has to stand beside it */
        MARK_CREATOR_TOOL, /* the program that wrote the file */
        MARK_DATE, /* ISO 8601 */
        MARK_PROVIDER, /* the service that delivered it */
        MARK_MAX,
} Mark;

typedef struct Marks { /* marks_done() */
        char *parameters; /* AUTOMATIC1111's text (engine/image/parameters.h), which is no XMP */
        char *values[MARK_MAX]; /* valid UTF-8; NULL: not said */
} Marks;

/* "source-type", "alt-text": what JSON calls it. */
const char *mark_to_string(Mark mark);

/* Sets a mark in the place of the one before; "" takes it away. Characters that XML has no place for become spaces. -ENOMEM. */
__attribute__((format(printf, 3, 4))) int marks_set(Marks *marks, Mark mark, const char *format, ...);

/* The time in seconds since 1970, as "2026-11-22T14:36:22Z". */
int marks_set_date(Marks *marks, uint64_t seconds);

void marks_done(Marks *marks);
