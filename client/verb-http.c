/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "client/client.h"
#include "client/i18n.h"
#include "client/table.h"
#include "client/tokens.h"

static ExitCode fail(Client *c, const Error *error, int r)
{
        return client_fail_error(c, r == -ENOENT ? CODE_NOT_FOUND : r == -EINVAL ? CODE_USAGE : CODE_FAILED, error, r);
}

static ExitCode add(Client *c, const char *name)
{
        _cleanup_(freep) char *token = NULL;
        Error error = { 0 };

        int r = tokens_add(name, &token, &error);
        if (r < 0)
                return fail(c, &error, r);
        c->result = json_pack("{s:s, s:s}", "name", name, "token", token);
        if (c->options.json)
                return CODE_OK;
        client_say(c, _("The token of %s. It is shown this once: give it to the app as its API key, or as the password of any user."), name);
        (void)puts(token);
        return CODE_OK;
}

static ExitCode remove_token(Client *c, const char *name)
{
        Error error = { 0 };

        int r = tokens_remove(name, &error);
        return r < 0 ? fail(c, &error, r) : CODE_OK;
}

static void print(json_t *tokens)
{
        _cleanup_(table_done) Table table = { .columns = 2 };
        json_t *entry;
        size_t i;

        table_add(&table, "%s", _("NAME"));
        table_add(&table, "%s", _("CREATED"));
        json_array_foreach(tokens, i, entry) {
                const time_t created = (time_t)json_integer_value(json_object_get(entry, "created"));
                char date[32] = "";
                struct tm tm;
                if (localtime_r(&created, &tm))
                        (void)strftime(date, sizeof(date), "%Y-%m-%d", &tm);
                table_add(&table, "%s", json_string_value(json_object_get(entry, "name")));
                table_add(&table, "%s", date);
        }
        table_print(&table);
}

static ExitCode list(Client *c)
{
        json_t *tokens = NULL, *entry;
        Error error = { 0 };
        size_t i;

        int r = tokens_list(&tokens, &error);
        if (r < 0)
                return fail(c, &error, r);
        json_array_foreach(tokens, i, entry)
                (void)json_object_del(entry, "sha256");
        if (c->options.json)
                c->result = json_pack("{s:O}", "tokens", tokens);
        else
                print(tokens);
        json_decref(tokens);
        return CODE_OK;
}

ExitCode verb_http(Client *c)
{
        char *const *words = c->options.words;
        const int n = c->options.n_words;

        if (n >= 2 && streq(words[0], "token")) {
                if (n == 3 && streq(words[1], "add"))
                        return add(c, words[2]);
                if (n == 3 && streq(words[1], "remove"))
                        return remove_token(c, words[2]);
                if (n == 2 && streq(words[1], "list"))
                        return list(c);
        }
        return client_fail(c, CODE_USAGE, _("'http' takes: token add NAME, token remove NAME, or token list"));
}
