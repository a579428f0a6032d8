/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text in columns on stdout, each as wide as its longest cell:
 *
 *     Table table = { .columns = 2 };
 *     table_add(&table, "NAME"); table_add(&table, "SIZE");
 *     …
 *     table_print(&table);
 *     table_done(&table);
 */

#include <stddef.h>

#include "base/cleanup.h"

#define TABLE_COLUMNS_MAX 10

typedef struct Table {
        size_t columns;
        char **cells; /* row by row */
        size_t n_cells;
} Table;

/* Adds a cell; an empty one is shown as "-". What has no memory is left out. */
void table_add(Table *table, const char *format, ...) _printf_(2, 3);

/* Adds a row of cells, up to NULL; heads are translated. */
void table_add_all(Table *table, const char *const *cells);
void table_add_heads(Table *table, const char *const *heads);

void table_print(const Table *table);

void table_done(Table *table);
