/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pictures that another generator drew, made into what was asked for: without a model, in a process that has nothing else to
 * lose (decode.h). */

#include "base/provenance.h"
#include "engine/image/read.h"
#include "workers/protocol.h"

/* The picture at the size asked for, or its own where that is open, cut to the shape where it has another one; the final touches
 * that the request names; stamped with the settings and who drew it, in the request's format. *ret_data is malloc'ed. -ENOMEM. */
int foreign_finish(
                const ReadPicture *from, const ForeignInfo *info, const Request *request, const Provenance *by, PictureInfo *ret,
                void **ret_data, size_t *ret_size, Error *error);

/* A small PNG of it. */
int foreign_preview(const ReadPicture *from, const ForeignInfo *info, PreviewInfo *ret, void **ret_data, size_t *ret_size, Error *error);

/* A PNG of info's size, or of its own up to REQUEST_SIZE_MAX, to be sent on: nothing but pixels of what it was. Of a mask, in the
 * way that info's use says. */
int foreign_source(
                const ReadPicture *from, const ForeignInfo *info, const Request *request, PictureInfo *ret, void **ret_data,
                size_t *ret_size, Error *error);
