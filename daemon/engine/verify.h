/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a worker tells the service about the files of its model. */

/* Tells the model's digest, and meanwhile answers pings. Nothing is loaded for it. 0, or a negative errno after FAILED. */
int verify_tell_digest(int socket, const char *model_dir);

/* Holds the model against its SHA256SUMS, if it has one, and tells the digest. -EBADMSG after FAILED: it differs.
 *
 * The files are read again to load them. That guards against what breaks and what is mixed up, not against somebody who
 * may write to them. */
int verify_model(int socket, const char *model_dir);
