/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The directories of models, separated by colons, for the workers: a single-file checkpoint takes its vocabulary from a
 * model that is installed there. The service sets it from its configuration. */
#define MODEL_PATH_VARIABLE "IMAGINED_MODEL_PATH"
