/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <locale.h>
#include <stdlib.h>

#include "client/i18n.h"

void i18n_init(void)
{
        const char *folder = secure_getenv("TEXTDOMAINDIR");

        (void)setlocale(LC_MESSAGES, "");
        (void)bindtextdomain(TEXT_DOMAIN, folder ? folder : DATADIR "/locale");
        (void)bind_textdomain_codeset(TEXT_DOMAIN, "UTF-8");
        (void)textdomain(TEXT_DOMAIN);
}
