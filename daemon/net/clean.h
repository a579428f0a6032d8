/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a language model wrote, made into what was asked for. In place; the text never grows, and is valid UTF-8 afterwards. */

/* One line: no control characters, no spaces beside each other or at the ends. */
void clean_line(char *text);

/* One line without what models put around an answer: thoughts (<think> … </think>), fences, quotation marks around all of it,
 * "Prompt:", and "Create an image of". "": nothing is left. */
void clean_text(char *text);
