/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Texts for people: _("…") is looked up in the user's language, N_("…") marks one that is looked up later (in a table).
 * What machines read (--json, names on the bus) is never translated. */

#include <libintl.h>

#define TEXT_DOMAIN "imagine"

#define _(text) gettext(text)
#define N_(text) text

/* Takes up the user's language. Texts are looked for where make install puts them, or in $TEXTDOMAINDIR. */
void i18n_init(void);
