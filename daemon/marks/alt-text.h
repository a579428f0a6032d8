/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Makes of a prompt, in place, what describes its picture to a reader: without weights, brackets and names of adapters, on
 * one line. */
void alt_text_from_prompt(char *text);
