/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Job.GetPrompt: one of the prompts that a job wrote. */

#include <systemd/sd-bus.h>

#include "queue/job.h"

/* result: JSON of prompts/enhance.h, in a sealed memfd. */
int get_prompt_reply(sd_bus_message *call, const Picture *result);
