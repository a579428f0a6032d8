/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <uniwidth.h>

#include "base/util.h"
#include "client/client.h"
#include "client/i18n.h"
#include "client/table.h"

void table_add(Table *t, const char *format, ...)
{
        /* Not reallocarray(): gcc's analyser takes it for one that frees even when it fails. */
        char **cells = realloc(t->cells, (t->n_cells + 1) * sizeof(*cells));
        char *text;
        va_list ap;

        if (!cells)
                return;
        t->cells = cells;
        va_start(ap, format);
        int r = vasprintf(&text, format, ap);
        va_end(ap);
        if (r < 0)
                return;
        client_clean_text(text);
        t->cells[t->n_cells++] = text;
}

void table_add_all(Table *t, const char *const *cells)
{
        for (; *cells; cells++)
                table_add(t, "%s", *cells);
}

void table_add_heads(Table *t, const char *const *heads)
{
        for (; *heads; heads++)
                table_add(t, "%s", _(*heads));
}

static const char *cell(const Table *t, size_t i)
{
        return t->cells[i][0] ? t->cells[i] : "-";
}

static int width(const Table *t, size_t i)
{
        return u8_strwidth((const uint8_t *)cell(t, i), "UTF-8");
}

void table_print(const Table *t)
{
        int widths[TABLE_COLUMNS_MAX] = { 0 };

        for (size_t i = 0; i < t->n_cells; i++)
                widths[i % t->columns] = MAX(widths[i % t->columns], width(t, i));
        for (size_t i = 0; i < t->n_cells; i++) {
                bool is_last = i % t->columns == t->columns - 1;
                (void)printf("%s%*s", cell(t, i), is_last ? 0 : widths[i % t->columns] - width(t, i) + 2,
                             "");
                if (is_last)
                        (void)putchar('\n');
        }
}

void table_done(Table *t)
{
        for (size_t i = 0; i < t->n_cells; i++)
                free(t->cells[i]);
        free(t->cells);
        *t = (Table) { 0 };
}
