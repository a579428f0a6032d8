/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "client/i18n.h"
#include "client/models.h"
#include "client/table.h"

static const char *text_of(json_t *model, const char *key)
{
        const char *text = json_string_value(json_object_get(model, key));
        return text ? text : "";
}

static bool flag_of(json_t *model, const char *key)
{
        return json_is_true(json_object_get(model, key));
}

static void add_bytes(Table *t, json_t *model)
{
        double bytes = json_number_value(json_object_get(model, "bytes"));

        if (bytes >= 1e9)
                table_add(t, "%.1f GB", bytes / 1e9);
        else
                table_add(t, "%.1f MB", bytes / 1e6);
}

/* What is known of it, and as much of the digest as eyes compare; --json has all of it. */
static void add_digest(Table *t, json_t *model)
{
        const char *digest = text_of(model, "digest"), *state = text_of(model, "digest-state");

        table_add(t, "%.16s%s%s", digest, *digest && *state ? " " : "", state);
}

static void add_row(Table *t, json_t *model)
{
        json_int_t width = json_integer_value(json_object_get(model, "width"));
        json_int_t height = json_integer_value(json_object_get(model, "height"));
        json_int_t steps = json_integer_value(json_object_get(model, "steps"));
        bool is_resident = flag_of(model, "resident"), is_default = flag_of(model, "default");

        table_add(t, "%s", text_of(model, "name"));
        table_add(t, "%s%s%s", is_resident ? _("resident") : "", is_resident && is_default ? ", " : "",
                  is_default ? _("default") : "");
        table_add(t, "%s", text_of(model, "version"));
        table_add(t, "%s", text_of(model, "license"));
        add_bytes(t, model);
        if (width && steps) {
                table_add(t, "%lldx%lld", (long long)width, (long long)height);
                table_add(t, "%lld", (long long)steps);
                table_add(t, "%s", text_of(model, "precision"));
        } else { /* not loaded yet */
                table_add(t, "%s", "");
                table_add(t, "%s", "");
                table_add(t, "%s", "");
        }
        add_digest(t, model);
}

static void print_table(json_t *models)
{
        static const char *const heads[] = {
                N_("NAME"), N_("STATE"), N_("VERSION"), N_("LICENSE"), N_("FILES"), N_("SIZE"), N_("STEPS"), N_("PRECISION"),
                N_("DIGEST"), NULL
        };
        _cleanup_(table_done) Table table = { .columns = ELEMENTSOF(heads) - 1 };
        json_t *model;
        size_t i;

        table_add_heads(&table, heads);
        json_array_foreach(models, i, model)
                add_row(&table, model);
        table_print(&table);
}

static void say_differences(Client *c, json_t *models)
{
        json_t *model;
        size_t i;

        json_array_foreach(models, i, model)
                if (json_object_get(model, "difference"))
                        client_say(c, _("%s will not be loaded: %s"), text_of(model, "name"),
                                   text_of(model, "difference"));
}

static void print_names(json_t *models)
{
        json_t *model;
        size_t i;

        json_array_foreach(models, i, model)
                (void)printf("%s\n", text_of(model, "name"));
}

/* Its output becomes *ret_output, if that is wanted. A negative errno. */
static int spawn(char *const argv[], pid_t *ret, FILE **ret_output)
{
        _cleanup_(closep) int reading = -1, writing = -1;
        posix_spawn_file_actions_t actions;
        int ends[2];

        if (ret_output && pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        if (ret_output) {
                reading = ends[0];
                writing = ends[1];
        }
        int r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;
        if (ret_output)
                r = posix_spawn_file_actions_adddup2(&actions, writing, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn(ret, argv[0], &actions, NULL, argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
        if (r == 0 && ret_output) {
                *ret_output = fdopen(reading, "r");
                if (*ret_output)
                        (void)TAKE_FD(reading); /* without it the other side writes in vain, and fails */
        }
        return -r;
}

/* The engine looks, in a process of its own that can read nothing else; neither client nor service parses models. */
static ExitCode inspect(Client *c)
{
        static const char engine[] = LIBEXECDIR "/imagined-engine";
        const char *program = getenv("IMAGINED_ENGINE");
        char *const argv[] = { (char *)(program ? program : engine), (char *)"--model", (char *)c->options.inspect,
                               (char *)"--inspect", (char *)(c->options.json ? "--json" : NULL), NULL };
        _cleanup_(fclosep) FILE *output = NULL;
        pid_t pid = -1;
        int status;

        int r = spawn(argv, &pid, c->options.json ? &output : NULL);
        if (r < 0)
                return client_fail(c, CODE_FAILED, _("%s cannot be run: %s"), argv[0], strerror(-r));
        c->result = output ? json_loadf(output, 0, NULL) : NULL;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return CODE_FAILED;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || (c->options.json && !c->result))
                return !c->options.json ? CODE_FAILED
                                        : client_fail(c, CODE_FAILED, _("%s cannot be inspected"), c->options.inspect);
        return CODE_OK;
}

ExitCode verb_models(Client *c)
{
        json_t *models = NULL;

        if (c->options.inspect)
                return inspect(c);
        ExitCode code = models_list(c, &models);
        if (code != CODE_OK)
                return code;
        if (c->options.json)
                c->result = json_pack("{s:O}", "models", models);
        else if (c->options.quiet)
                print_names(models);
        else if (json_array_size(models) == 0)
                client_say(c, _("No model is installed"));
        else {
                print_table(models);
                say_differences(c, models);
        }
        json_decref(models);
        return CODE_OK;
}
