/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <uniwidth.h>

#include "base/util.h"
#include "client/client.h"
#include "client/i18n.h"

/* Made from the tables, in two columns, so that it fits on a screen of 80 columns and 24 lines, of which the
 * next prompt takes one. */

#define SCREEN_WIDTH 80
#define CELL_WIDTH 39
#define LABEL_MAX 64

/* What the tables say of a verb or an option; a + before it keeps it off the one screen. */
static bool is_on_screen(const char *help)
{
        return help[0] != '+';
}

static const char *words_of(const char *help)
{
        return is_on_screen(help) ? help : help + 1;
}

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

/* -o, --output FILE */
static void label_option(const OptionInfo *option, char label[LABEL_MAX])
{
        char letter[8] = "";

        if (option->letter)
                (void)snprintf(letter, sizeof(letter), "-%c, ", option->letter);
        (void)snprintf(label, LABEL_MAX, "%s--%s%s%s", letter, option->name, option->argument ? " " : "",
                       option->argument ? option->argument : "");
}

static void put_option(int i, bool is_last)
{
        char label[LABEL_MAX];

        label_option(option_table + i, label);
        put_cell(label, _(option_table[i].help), is_last);
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
                if (is_on_screen(verb_table[i].help))
                        shown[n++] = i;
        put_columns(n, shown, put_verb);
}

/* The names of those for which there is no room; two stand among the options. */
static void put_other_verbs(void)
{
        int column = printf(" %s", _("Others:"));

        for (int i = 0; i < VERB_MAX; i++) {
                const char *name = verb_table[i].name;
                if (is_on_screen(verb_table[i].help) || i == VERB_HELP || i == VERB_VERSION)
                        continue;
                if (column + 1 + (int)strlen(name) >= SCREEN_WIDTH) {
                        (void)putchar('\n');
                        column = 0;
                }
                column += printf(" %s", name);
        }
        (void)putchar('\n');
}

static void put_options(void)
{
        int shown[OPTION_MAX], n = 0;

        for (int i = 0; i < OPTION_MAX; i++)
                if (is_on_screen(option_table[i].help))
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
                (void)json_object_set_new(verbs, verb_table[i].name, json_string(words_of(verb_table[i].help)));
        for (int i = 0; i < OPTION_MAX; i++)
                (void)json_object_set_new(options, option_table[i].name, json_string(words_of(option_table[i].help)));
#define X(id, number, text) (void)json_object_set_new(codes, #number, json_string(text));
        EXIT_CODES(X)
#undef X
        return json_pack("{s:o, s:o, s:o}", "verbs", verbs, "options", options, "exit_codes", codes);
}

static void put_screen(void)
{
        (void)puts(_("imagine [VERB] [OPTIONS] WORDS ... makes pictures and prints their paths"));
        put_verbs();
        put_other_verbs();
        (void)putchar('\n');
        put_options();
        (void)putchar('\n');
        put_exit_codes();
        (void)puts(_("'imagine VERB --help' shows all options of a verb; imagine(1) tells more."));
}

/* One verb with every option that goes with it, a line each. */
static void put_one_verb(const Verb *verb)
{
        char label[LABEL_MAX];
        int width = 0;

        (void)printf(_("imagine %s [OPTIONS]"), verb->name);
        (void)printf("%s%s: %s\n\n", verb->arguments[0] ? " " : "", verb->arguments, _(words_of(verb->help)));
        for (int i = 0; i < OPTION_MAX; i++) {
                label_option(option_table + i, label);
                if (option_table[i].verbs & VERB_BIT(verb->id))
                        width = MAX(width, (int)strlen(label));
        }
        for (int i = 0; i < OPTION_MAX; i++) {
                label_option(option_table + i, label);
                if (option_table[i].verbs & VERB_BIT(verb->id))
                        (void)printf(" %-*s  %s\n", width, label, _(words_of(option_table[i].help)));
        }
}

ExitCode verb_help(Client *c)
{
        const Options *o = &c->options;
        const bool is_named = !o->help && o->n_words > 0;
        const Verb *verb = is_named ? verb_find(o->words[0]) : o->help_of;

        if (is_named && !verb)
                return client_fail(c, CODE_USAGE, _("there is no verb %s; for a picture of this write: imagine generate help %s"),
                                   o->words[0], o->words[0]);
        if (o->json)
                c->result = to_json();
        else if (verb)
                put_one_verb(verb);
        else
                put_screen();
        return CODE_OK;
}
