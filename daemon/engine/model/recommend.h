/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/model/model.h"

/* Fills what the author's card leaves open for models that were distilled to few steps, which are known by their names,
 * schedulers or networks: Turbo, Lightning, Hyper, LCM. Others keep the engine's defaults. */
void recommend(Model *model);
