/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What administrators see and end of other users' jobs. The service asks polkit, which may ask the user. */

#include <errno.h>
#include <pwd.h>
#include <string.h>

#include "client/all-users.h"
#include "client/i18n.h"
#include "client/job.h"
#include "client/json.h"
#include "client/table.h"
#include "client/values.h"

typedef struct Entry {
        uint32_t uid, id;
        const char *state, *priority;
        double progress;
} Entry;

static const char *user_name(uint32_t uid, char buffer[static 16])
{
        const struct passwd *user = getpwuid(uid);

        (void)snprintf(buffer, 16, "%u", uid);
        return user ? user->pw_name : buffer;
}

static json_t *to_json(const Entry *entry)
{
        char buffer[16];
        return json_pack("{s:I, s:o, s:I, s:o, s:o, s:f}", "uid", (json_int_t)entry->uid, "user",
                         json_from_text(user_name(entry->uid, buffer)), "id", (json_int_t)entry->id, "state",
                         json_from_text(entry->state), "priority", json_from_text(entry->priority), "progress",
                         entry->progress);
}

static void add_row(Table *table, const Entry *entry)
{
        char buffer[16];

        table_add(table, "%s", user_name(entry->uid, buffer));
        table_add(table, "%u", entry->id);
        table_add(table, "%s", job_state_text(entry->state));
        table_add(table, "%d %%", (int)(entry->progress * 100));
        table_add(table, "%s", entry->priority);
}

/* Prints as it reads; into jobs with --json. */
static int show(Client *c, sd_bus_message *m, Table *table, json_t *jobs)
{
        Entry e;

        int r = sd_bus_message_enter_container(m, 'a', "(uussd)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(uussd)", &e.uid, &e.id, &e.state, &e.priority, &e.progress)) > 0)
                if (c->options.json)
                        (void)json_array_append_new(jobs, to_json(&e));
                else if (c->options.quiet)
                        (void)printf("%u:%u\n", e.uid, e.id);
                else
                        add_row(table, &e);
        return r;
}

ExitCode all_users_list(Client *c)
{
        static const char *const heads[] = { N_("USER"), N_("ID"), N_("STATE"), N_("DONE"), N_("PRIORITY"), NULL };
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(table_done) Table table = { .columns = 5 };

        ExitCode code = bus_connect(c);
        if (code != CODE_OK)
                return code;
        table_add_heads(&table, heads);
        json_t *jobs = json_array();
        int r = bus_call_manager(c, "ListAllJobs", &error, &reply, "");
        if (r >= 0)
                r = show(c, reply, &table, jobs);
        if (r < 0) {
                json_decref(jobs);
                return bus_fail(c, &error, r);
        }
        c->result = json_pack("{s:o}", "jobs", jobs);
        if (c->options.json || c->options.quiet)
                return CODE_OK;
        if (table.n_cells > table.columns)
                table_print(&table);
        else
                client_say(c, _("Nobody has jobs"));
        return CODE_OK;
}

/* A name or a number. */
static int parse_user(const char *word, uint32_t *ret, Error *error)
{
        const struct passwd *user = getpwnam(word);
        uint64_t uid;

        if (user) {
                *ret = user->pw_uid;
                return 0;
        }
        if (value_parse_integer(word, 0, UINT32_MAX, &uid, NULL) < 0)
                return error_set(error, -EINVAL, _("there is no user '%s'"), word);
        *ret = (uint32_t)uid;
        return 0;
}

ExitCode all_users_cancel(Client *c)
{
        _cleanup_(sd_bus_error_free) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        Error error = { 0 };
        uint32_t uid = 0;
        uint64_t id;

        if (parse_user(c->options.of, &uid, &error) < 0)
                return client_fail(c, CODE_USAGE, _("--of: %s"), error.text);
        if (value_parse_integer(c->options.words[0], 1, UINT32_MAX, &id, &error) < 0)
                return client_fail(c, CODE_USAGE, _("'cancel' takes the number of a job: %s"), error.text);
        ExitCode code = bus_connect(c);
        if (code != CODE_OK)
                return code;
        int r = bus_call_manager(c, "CancelJob", &bus_error, NULL, "uu", uid, (uint32_t)id);
        if (r < 0)
                return bus_fail(c, &bus_error, r);
        client_say(c, _("Job %u of %s is cancelled"), (uint32_t)id, c->options.of);
        c->result = json_pack("{s:I, s:I}", "uid", (json_int_t)uid, "id", (json_int_t)id);
        return CODE_OK;
}
