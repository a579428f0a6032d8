/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <uniwidth.h>

#include "base/util.h"
#include "client/client.h"
#include "client/i18n.h"

/* Made from the tables, in two columns, so that it fits on a screen of 80 columns and 24 lines. */

#define CELL_WIDTH 39

static void put_cell(const char *left, const char *right, bool is_last)
{
        int width = u8_strwidth((const uint8_t *)right, "UTF-8");

        (void)printf(" %-20s %s%*s", left, right, is_last ? 0 : MAX(CELL_WIDTH - 21 - width, 0), "");
}

static void put_verb(int i, bool is_last)
{
        const Verb *verb = verb_table + i;
        char text[64];

        (void)snprintf(text, sizeof(text), verb->id == VERB_GENERATE ? "[%s] %s" : "%s %s", verb->name,
                       verb->arguments);
        put_cell(text, _(verb->help), is_last);
}

static void put_option(int i, bool is_last)
{
        const OptionInfo *option = option_table + i;
        char letter[8] = "", text[64];

        if (option->letter)
                (void)snprintf(letter, sizeof(letter), "-%c, ", option->letter);
        (void)snprintf(text, sizeof(text), "%s--%s%s%s", letter, option->name, option->argument ? " " : "",
                       option->argument ? option->argument : "");
        put_cell(text, _(option->help), is_last);
}

static void put_columns(int count, const int *indices, void (*put)(int i, bool is_last))
{
        int rows = (count + 1) / 2;

        for (int i = 0; i < rows; i++) {
                put(indices[i], i + rows >= count);
                if (i + rows < count)
                        put(indices[i + rows], true);
                (void)putchar('\n');
        }
}

static void put_verbs(void)
{
        int shown[VERB_MAX], n = 0;

        for (int i = 0; i < VERB_MAX; i++)
                if (verb_table[i].help[0] != '+')
                        shown[n++] = i;
        put_columns(n, shown, put_verb);
}

static void put_options(void)
{
        int shown[OPTION_MAX], n = 0;

        for (int i = 0; i < OPTION_MAX; i++)
                if (option_table[i].help[0] != '+')
                        shown[n++] = i;
        put_columns(n, shown, put_option);
}

static void put_exit_codes(void)
{
        int column = printf("%s", _("Exit:"));

#define X(id, number, text)                                                                 \
        if (column + (int)strlen(_(text)) > 72)                                               \
                column = printf("\n     ") - 1;                                             \
        column += printf(" %d %s%s", number, _(text), number == CODE_LIMIT ? "\n" : ",");
        EXIT_CODES(X)
#undef X
}

/* {"verbs": {NAME: what it does, …}, "options": {NAME: …}, "exit_codes": {NUMBER: …}} */
static json_t *to_json(void)
{
        json_t *verbs = json_object(), *options = json_object(), *codes = json_object();

        for (int i = 0; i < VERB_MAX; i++)
                (void)json_object_set_new(verbs, verb_table[i].name, json_string(verb_table[i].help + (verb_table[i].help[0] == '+')));
        for (int i = 0; i < OPTION_MAX; i++)
                (void)json_object_set_new(options, option_table[i].name, json_string(option_table[i].help + (option_table[i].help[0] == '+')));
#define X(id, number, text) (void)json_object_set_new(codes, #number, json_string(text));
        EXIT_CODES(X)
#undef X
        return json_pack("{s:o, s:o, s:o}", "verbs", verbs, "options", options, "exit_codes", codes);
}

ExitCode verb_help(Client *c)
{
        if (c->options.json) {
                c->result = to_json();
                return CODE_OK;
        }
        (void)puts(_("imagine [VERB] [OPTIONS] WORDS ... makes pictures and prints their paths"));
        put_verbs();
        (void)putchar('\n');
        put_options();
        (void)putchar('\n');
        put_exit_codes();
        return CODE_OK;
}
