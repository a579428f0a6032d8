/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "client/desktop/pieces.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/table.h"

static const char *const states[] = {
        [PIECE_OFF] = N_("off"),
        [PIECE_ON] = N_("on"),
        [PIECE_FOR_ALL] = N_("for all users"),
};

/* What the words after enable or disable are, or with --all every piece. */
static bool is_meant(const Client *c, const Piece *piece)
{
        for (int i = 1; i < c->options.n_words; i++)
                if (streq(c->options.words[i], piece->name))
                        return true;
        return c->options.everybody;
}

static ExitCode check_names(Client *c, const char *what)
{
        for (int i = 1; i < c->options.n_words; i++)
                if (!piece_find(c->options.words[i]))
                        return client_fail_named(c, CODE_USAGE, NULL, _("'imagine desktop' lists them."),
                                                 _("there is no piece '%s'"), c->options.words[i]);
        if (!streq(what, "status") && !c->options.everybody && c->options.n_words < 2)
                return client_fail_named(c, CODE_USAGE, NULL, _("'imagine desktop' lists the names."),
                                         _("'%s' needs --all or NAME..."), what);
        return CODE_OK;
}

static ExitCode show(Client *c, const Record *record)
{
        _cleanup_(table_done) Table table = { .columns = 3 };
        json_t *pieces = json_object();

        for (const Piece *piece = piece_table; piece->name; piece++) {
                const char *state = states[piece_state(piece, record)];

                if (c->options.n_words > 1 && !is_meant(c, piece))
                        continue;
                (void)json_object_set_new(pieces, piece->name, json_string(state));
                if (!c->options.json)
                        table_add_all(&table, (const char *[]) { piece->name, _(state), _(piece->what), NULL });
        }
        table_print(&table);
        c->result = json_pack("{s:o}", "pieces", pieces);
        return CODE_OK;
}

static ExitCode enable(Client *c, const Piece *piece, Record *record)
{
        Error error = { 0 };

        if (piece_state(piece, record) == PIECE_FOR_ALL) {
                client_say(c, _("%s: is there for all users"), piece->name);
                return CODE_OK;
        }
        int r = piece_enable(c, piece, record, &error);
        if (r == -EOPNOTSUPP && c->options.everybody) {
                client_say(c, _("%s: left out; %s"), piece->name, error.text);
                return CODE_OK;
        }
        if (r < 0)
                return client_fail(c, CODE_FAILED, "%s: %s", piece->name, error.text[0] ? error.text : strerror(-r));
        client_say(c, _("%s: on%s%s"), piece->name, piece->after ? ". " : "", piece->after ? _(piece->after) : "");
        return CODE_OK;
}

static ExitCode disable(Client *c, const Piece *piece, Record *record)
{
        Error error = { 0 };

        if (!record_has(record, piece->name)) {
                if (!c->options.everybody)
                        client_say(c, _("%s: was not on"), piece->name);
                return CODE_OK;
        }
        int r = piece_disable(c, piece, record, &error);
        if (r < 0)
                return client_fail(c, CODE_FAILED, "%s: %s", piece->name, error.text[0] ? error.text : strerror(-r));
        client_say(c, _("%s: off"), piece->name);
        return CODE_OK;
}

static ExitCode change(Client *c, Record *record, ExitCode (*one)(Client *c, const Piece *piece, Record *record))
{
        ExitCode worst = CODE_OK;
        Error error = { 0 };

        for (const Piece *piece = piece_table; piece->name; piece++) {
                ExitCode code = is_meant(c, piece) ? one(c, piece, record) : CODE_OK;
                worst = code != CODE_OK ? code : worst;
        }
        int r = record_save(record, &error);
        return r < 0 ? client_fail_error(c, CODE_FAILED, &error, r) : worst;
}

ExitCode verb_desktop(Client *c)
{
        const char *what = c->options.n_words > 0 ? c->options.words[0] : "status";
        _cleanup_(record_done) Record record = { 0 };
        Error error = { 0 };

        if (!streq(what, "enable") && !streq(what, "disable") && !streq(what, "status"))
                return client_fail(c, CODE_USAGE, _("'%s' is none of enable, disable, status"), what);
        ExitCode code = check_names(c, what);
        if (code != CODE_OK)
                return code;
        int r = record_load(&record, &error);
        if (r < 0)
                return client_fail_error(c, CODE_FAILED, &error, r);
        if (streq(what, "status"))
                return show(c, &record);
        return change(c, &record, streq(what, "enable") ? enable : disable);
}
