/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/money.h"
#include "base/util.h"
#include "client/files.h"
#include "client/follow.h"
#include "client/generate.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/names.h"
#include "client/output.h"
#include "client/provenance.h"
#include "client/servers.h"
#include "client/sheet.h"
#include "client/table.h"

#define NAMES_MAX 100 /* of files that are there already */

typedef struct Comparison {
        Client *client;
        json_t *providers; /* what is known of each before */
        char *place; /* of the sheet: a path */
        bool replaces; /* what is there */
        FILE *sheet;
        Table table;
        json_t *results; /* for --json */
        /* Of the one that is drawn now. */
        const char *name, *licence;
        uint64_t begun;
        double seconds;
        char cost[MONEY_TEXT_MAX];
} Comparison;

static const char *known(const Comparison *cmp, const char *key)
{
        const char *text = json_string_value(json_object_get(servers_find(cmp->providers, cmp->name), key));
        return text ? text : "";
}

static void add_drawn(const Comparison *cmp, const JobInfo *job, const Picture *picture)
{
        char size[32], seconds[32];

        (void)snprintf(size, sizeof(size), "%ux%u", picture->width, picture->height);
        (void)snprintf(seconds, sizeof(seconds), _("%.1f s"), cmp->seconds);
        sheet_add(cmp->sheet, &(SheetEntry) {
                                      .name = cmp->name,
                                      .picture = picture,
                                      .alt = cmp->client->options.prompt,
                                      .rows = { { _("Size"), size }, { _("Time"), seconds }, { _("Cost"), cmp->cost }, { _("Model"), job->model },
                                                { _("Licence"), cmp->licence }, { _("Terms"), known(cmp, "terms") }, { _("Drawn"), provenance_place(servers_find(cmp->providers, cmp->name)) } },
                              });
}

static void add_failed(const Comparison *cmp, const char *failure)
{
        sheet_add(cmp->sheet, &(SheetEntry) {
                                      .name = cmp->name,
                                      .rows = { { _("Failed"), failure }, { _("Licence"), cmp->licence }, { _("Terms"), known(cmp, "terms") },
                                                { _("Drawn"), provenance_place(servers_find(cmp->providers, cmp->name)) } },
                              });
}

/* While its bytes are there. */
static ExitCode take(Client *c, const JobInfo *job, uint32_t index, uint64_t seed, const Picture *picture, void *userdata)
{
        Comparison *cmp = userdata;
        json_t *provenance = provenance_read(c, job);
        (void)index, (void)seed;

        cmp->seconds = (double)(clock_usec(CLOCK_MONOTONIC) - cmp->begun) / (double)USEC_PER_SEC;
        if (json_object_get(provenance, "reserved"))
                (void)provenance_amount(provenance, "reserved", cmp->cost);
        add_drawn(cmp, job, picture);
        json_decref(provenance);
        return CODE_OK;
}

static void note(Comparison *cmp, ExitCode code)
{
        const char *failure = json_string_value(json_object_get(cmp->client->error, "message")), *cost = code == CODE_OK ? cmp->cost : "";
        char seconds[32];

        (void)snprintf(seconds, sizeof(seconds), _("%.1f s"), cmp->seconds);
        if (code != CODE_OK)
                add_failed(cmp, failure ? failure : "");
        table_add_all(&cmp->table, (const char *[]) { cmp->name, code == CODE_OK ? _("done") : _("failed"), code == CODE_OK ? seconds : "",
                                                     cost, cmp->licence, NULL });
        (void)json_array_append_new(cmp->results, json_pack("{s:s, s:b, s:f, s:s, s:s}", "provider", cmp->name, "done", code == CODE_OK, "seconds",
                                                            cmp->seconds, "cost", cost, "licence", cmp->licence));
}

static ExitCode draw(Comparison *cmp, char *name)
{
        const FollowHooks hooks = { .on_picture = take, .userdata = cmp, .owns_job = true };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        Client *c = cmp->client;
        JobInfo job = { 0 };

        cmp->name = name;
        cmp->seconds = 0;
        cmp->licence = known(cmp, "licence");
        (void)provenance_amount(servers_find(cmp->providers, name), "price", cmp->cost);
        cmp->begun = clock_usec(CLOCK_MONOTONIC);
        c->options.provider = name;
        client_say(c, _("Drawing: %s"), name);
        ExitCode code = generate_new_call(c, &call);
        if (code == CODE_OK)
                code = follow_generate(c, call, &hooks, &job);
        note(cmp, code);
        return code;
}

/* CODE_OK if one could draw it; the user's leaving ends all. */
static ExitCode draw_all(Comparison *cmp, char *names)
{
        ExitCode all = CODE_USAGE;
        char *rest = names, *name;

        while ((name = strsep(&rest, ","))) {
                ExitCode code = *name ? draw(cmp, name) : CODE_OK;
                if (code == CODE_CANCELLED)
                        return code;
                all = code == CODE_OK && *name ? CODE_OK : all == CODE_OK ? all : code;
        }
        return all;
}

/* --- the sheet --- */

static char *name_in(const Output *output)
{
        const size_t length = strlen(output->path);
        char *name;

        if (output->kind == OUTPUT_FILE)
                return strdup(output->path);
        const char *slash = length > 0 && output->path[length - 1] == '/' ? "" : "/";
        return asprintf(&name, "%s%scompare-%s.html", output->path, slash, output->words) < 0 ? NULL : name;
}

/* Before anything is drawn, and paid: whether there will be a place for it. */
static ExitCode find_place(Comparison *cmp)
{
        _cleanup_(output_done) Output output = { 0 };
        Client *c = cmp->client;
        _cleanup_(freep) char *words = name_from_prompt(c->options.prompt);
        Error error = { 0 };

        int r = words ? output_prepare(&output, c->options.output, c->options.force, words, 1, &error) : -ENOMEM;
        if (r < 0)
                return client_fail_error(c, r == -EINVAL ? CODE_USAGE : CODE_FAILED, &error, r);
        if (output.kind != OUTPUT_FILE && output.kind != OUTPUT_DIRECTORY)
                return client_fail(c, CODE_USAGE, _("the comparison goes into a file or a directory"));
        cmp->replaces = output.force && output.kind == OUTPUT_FILE;
        cmp->place = name_in(&output);
        return cmp->place ? CODE_OK : client_fail(c, CODE_FAILED, _("out of memory"));
}

/* Beside what is there, never over it. */
static ExitCode write_sheet(const Comparison *cmp, const char *text, size_t size, char **ret)
{
        int r = -EEXIST;

        for (unsigned i = 1; r == -EEXIST && i <= NAMES_MAX; i++) {
                _cleanup_(freep) char *path = name_numbered(cmp->place, i > 1 ? i : 0);
                r = !path           ? -ENOMEM
                    : cmp->replaces ? file_replace(path, text, size)
                                    : file_write_new(path, text, size);
                if (r >= 0)
                        *ret = TAKE_PTR(path);
        }
        return r < 0 ? client_fail(cmp->client, CODE_FAILED, _("cannot write %s: %s"), cmp->place, strerror(-r)) : CODE_OK;
}

static void report(const Comparison *cmp, const char *path)
{
        if (cmp->client->options.json) {
                cmp->client->result = json_pack("{s:O, s:o}", "results", cmp->results, "path", json_from_text(path));
                return;
        }
        if (!cmp->client->options.quiet)
                table_print(&cmp->table);
        (void)printf("%s\n", path);
}

ExitCode verb_compare(Client *c)
{
        static const char *const heads[] = { N_("PROVIDER"), N_("STATE"), N_("TIME"), N_("COST"), N_("LICENCE"), NULL };
        Comparison cmp = { .client = c, .table = { .columns = ELEMENTSOF(heads) - 1 }, .results = json_array() };
        _cleanup_(freep) char *names = c->options.providers ? strdup(c->options.providers) : NULL, *text = NULL, *path = NULL;
        size_t size = 0;

        ExitCode code = names ? find_place(&cmp)
                              : client_fail(c, CODE_USAGE, _("'compare' needs --providers, as local,openai"));
        if (code == CODE_OK)
                code = servers_list_of(c, "ListProviders", &cmp.providers);
        cmp.sheet = code == CODE_OK ? open_memstream(&text, &size) : NULL;
        if (code == CODE_OK && !cmp.sheet)
                code = client_fail(c, CODE_FAILED, _("out of memory"));
        if (code == CODE_OK) {
                table_add_heads(&cmp.table, heads);
                sheet_begin(cmp.sheet, c->options.prompt);
                code = draw_all(&cmp, names);
                sheet_end(cmp.sheet);
                if (fclose(cmp.sheet) != 0)
                        code = client_fail(c, CODE_FAILED, _("out of memory"));
        }
        if (code == CODE_OK)
                code = write_sheet(&cmp, text, size, &path);
        if (code == CODE_OK)
                report(&cmp, path);
        free(cmp.place);
        table_done(&cmp.table);
        json_decref(cmp.results);
        json_decref(cmp.providers);
        return code;
}
