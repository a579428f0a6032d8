/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The file of an exported picture: that of the record, in which its marks (marks/marks.h) say what the record says now. */

#include "client/batch.h"
#include "client/review/rights.h"
#include "client/review/subject.h"

/* *ret is malloc'ed. A file that has no room for marks, or needs no others, is copied as it is.
 * -EMEDIUMTYPE: it is no picture of a kind that is known; -ENOMEM, -EIO. */
int stamp_file(const BatchFile *file, const Subject *subject, const Rights *rights, uint8_t **ret, size_t *ret_size);
