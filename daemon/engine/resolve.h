/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a request leaves open, as the model has it: size, steps, sampler, guidance, precision, touches; and whether the model
 * can do what is left. */

#include "engine/pipeline.h"

/* picture: what it starts from; NULL: noise. -EINVAL: the model cannot do that. */
int resolve_request(
                const Pipeline *pipeline, const ModelInfo *info, const ReadPicture *picture, const Request *request, Resolved *ret,
                Error *error);
