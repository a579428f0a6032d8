/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "client/i18n.h"
#include "client/option-values.h"
#include "client/options.h"
#include "client/prompt.h"

#define ALL UINT64_MAX
#define GENERATES VERB_BIT(VERB_GENERATE)
#define REMAKES VERB_BIT(VERB_REMAKE)
#define ASKS (GENERATES | VERB_BIT(VERB_ILLUSTRATE) | REMAKES)
#define VARIES VERB_BIT(VERB_VARY)
#define ENLARGES VERB_BIT(VERB_ENLARGE)
#define FINISHES (ASKS | VARIES | ENLARGES)
#define MAKES (GENERATES | VERB_BIT(VERB_GET) | REMAKES)
#define TELLS (VERB_BIT(VERB_SHOW) | VERB_BIT(VERB_FOLDER))
#define OPENS VERB_BIT(VERB_FOLDER)
#define WRITES VERB_BIT(VERB_ENHANCE)
#define CHECKS VERB_BIT(VERB_CHECK_PROMPT)
#define ASKS_IN_WINDOW VERB_BIT(VERB_ASK)
#define HAS_FOLDER (ASKS_IN_WINDOW | VERB_BIT(VERB_MCP))
#define SENDS (VERB_BIT(VERB_DESCRIBE) | VERB_BIT(VERB_ENHANCE))
#define COMPARES VERB_BIT(VERB_COMPARE)
#define TAKES_IN VERB_BIT(VERB_IMPORT)
#define PROVIDES VERB_BIT(VERB_PROVIDERS)
#define LOOKS VERB_BIT(VERB_MODELS)
#define LISTS VERB_BIT(VERB_JOBS)
#define WATCHES VERB_BIT(VERB_WATCH)
#define REVIEWS VERB_BIT(VERB_REVIEW)
#define DECIDES (VERB_BIT(VERB_APPROVE) | VERB_BIT(VERB_REJECT) | VERB_BIT(VERB_RETIRE))
#define SETS_UP VERB_BIT(VERB_DESKTOP)
#define SHOWS (VERB_BIT(VERB_HISTORY) | VERB_BIT(VERB_SEARCH))
#define FORGETS VERB_BIT(VERB_FORGET)
#define FINDS (SHOWS | FORGETS)
#define SPENDS VERB_BIT(VERB_COSTS)
#define TAGS VERB_BIT(VERB_TAG)
#define REMOVES VERB_BIT(VERB_RM)
#define ENDS VERB_BIT(VERB_CANCEL)

const OptionInfo option_table[] = {
#define X(id, letter, name, argument, kind, field, low, high, verbs, help) \
        [OPTION_##id] = { OPTION_##id, letter, name, argument, verbs, help },
        OPTIONS(X)
#undef X
};

static int apply_option(Options *o, OptionId id, const char *value, Error *error)
{
        int r = option_read(o, id, value, error);
        if (r < 0) {
                (void)error_prefix(error, "--%s", option_table[id].name);
                return r;
        }
        o->given[id] = true;
        return 0;
}

/* The option tables in the form that getopt_long reads; options come back as GETOPT_BASE + id. */
#define GETOPT_BASE 1000

static void make_getopt_tables(struct option long_options[OPTION_MAX + 1],
                               char short_options[2 * OPTION_MAX + 3])
{
        /* Words in the order in which they stand; a missing value told apart from an unknown option. */
        char *s = stpcpy(short_options, "-:");

        for (int i = 0; i < OPTION_MAX; i++) {
                const OptionInfo *info = option_table + i;
                long_options[i] = (struct option) {
                        .name = info->name,
                        .has_arg = info->argument ? required_argument : no_argument,
                        .val = GETOPT_BASE + i,
                };
                if (!info->letter)
                        continue;
                *s++ = info->letter;
                if (info->argument)
                        *s++ = ':';
        }
        *s = '\0';
        long_options[OPTION_MAX] = (struct option) { 0 };
}

static int option_of(int c)
{
        if (c >= GETOPT_BASE)
                return c - GETOPT_BASE;
        for (int i = 0; i < OPTION_MAX; i++)
                if (option_table[i].letter && option_table[i].letter == c)
                        return i;
        return -1;
}

static int bad_option(int c, const char *argument, Error *error)
{
        if (c == ':')
                return error_set(error, -EINVAL, _("%s needs a value"), argument);
        return error_set(error, -EINVAL,
                         _("there is no option %s; put -- before a prompt that has words like it"), argument);
}

static int split(Options *o, int argc, char *argv[], Error *error)
{
        struct option long_options[OPTION_MAX + 1];
        char short_options[2 * OPTION_MAX + 3];
        make_getopt_tables(long_options, short_options);

        optind = 0; /* begin anew, also for the second call in a program */
        opterr = 0;
        for (;;) {
                int at = optind ? optind : 1;
                int c = getopt_long(argc, argv, short_options, long_options, NULL);
                if (c < 0)
                        break;
                if (c == 1) {
                        if (!o->verb && o->n_words == 0 && (o->verb = verb_find(optarg)))
                                continue;
                        o->words[o->n_words++] = optarg;
                        continue;
                }
                int id = option_of(c);
                int r = id < 0 ? bad_option(c, argv[at], error)
                               : apply_option(o, (OptionId)id, optarg, error);
                if (r < 0)
                        return r;
        }
        while (optind < argc) /* what stands after -- */
                o->words[o->n_words++] = argv[optind++];
        return 0;
}

static int check_verbs(const Options *o, Error *error)
{
        for (int i = 0; i < OPTION_MAX; i++)
                if (options_has(o, (OptionId)i) && !(option_table[i].verbs & VERB_BIT(o->verb->id)))
                        return error_set(error, -EINVAL, _("--%s does not go with '%s'"), option_table[i].name,
                                         o->verb->name);
        return 0;
}

static int check_pairs(const Options *o, Error *error)
{
        static const OptionId pairs[][2] = {
                { OPTION_USER, OPTION_SYSTEM },   { OPTION_SIZE, OPTION_ASPECT },
                { OPTION_DETACH, OPTION_OUTPUT }, { OPTION_DETACH, OPTION_FORCE },
                { OPTION_OUTPAINT, OPTION_MASK }, { OPTION_DETACH, OPTION_NOTIFY },
                { OPTION_DETACH, OPTION_PREVIEW },    { OPTION_PROMPT_ONLY, OPTION_DETACH },
        };

        for (size_t i = 0; i < ELEMENTSOF(pairs); i++)
                if (options_has(o, pairs[i][0]) && options_has(o, pairs[i][1]))
                        return error_set(error, -EINVAL, _("--%s and --%s do not go together"),
                                         option_table[pairs[i][0]].name, option_table[pairs[i][1]].name);
        if (o->output && streq(o->output, "-")) {
                if (o->json)
                        return error_set(error, -EINVAL,
                                         _("-o - and --json do not go together: both write to stdout"));
                if (o->count > 1)
                        return error_set(error, -EINVAL, _("-o - takes one picture, not --count"));
        }
        return 0;
}

/* Without --format the end of the file's name decides. */
static void infer_format(Options *o)
{
        static const struct {
                const char *extension, *format;
        } formats[] = { { ".png", "png" }, { ".jpg", "jpeg" }, { ".jpeg", "jpeg" }, { ".webp", "webp" } };
        const char *dot = o->output ? strrchr(o->output, '.') : NULL;

        for (size_t i = 0; dot && !o->format && i < ELEMENTSOF(formats); i++)
                if (strcasecmp(dot, formats[i].extension) == 0)
                        o->format = formats[i].format;
}

/* What goes with a picture to start from only; and stdin is read once. */
static int check_inputs(const Options *o, Error *error)
{
        bool prompt_is_stdin = o->n_words == 1 && streq(o->words[0], "-");

        static const OptionId needs[] = { OPTION_MASK, OPTION_OUTPAINT, OPTION_STRENGTH };

        for (size_t i = 0; !o->from && o->verb->id == VERB_GENERATE && i < ELEMENTSOF(needs); i++)
                if (options_has(o, needs[i]))
                        return error_set(error, -EINVAL, _("--%s needs --from"), option_table[needs[i]].name);
        if (!o->mask && (o->mask_paints || options_has(o, OPTION_MASK_BLUR)))
                return error_set(error, -EINVAL, _("--%s needs --mask"), o->mask_paints ? "mask-paints" : "mask-blur");
        if ((o->from && streq(o->from, "-")) + (o->mask && streq(o->mask, "-")) + prompt_is_stdin > 1)
                return error_set(error, -EINVAL, _("only one of prompt, --from and --mask can come from stdin"));
        return 0;
}

/* What makes a prompt goes with the verb for it, or with --enhance. */
static int check_prompts(const Options *o, Error *error)
{
        static const OptionId needs[] = { OPTION_PROMPT_ONLY, OPTION_TEMPLATE, OPTION_PROFILE, OPTION_FIELD,
                                          OPTION_REFINE,      OPTION_WRITER,   OPTION_SERVER };

        for (size_t i = 0; !o->enhance && o->verb->id == VERB_GENERATE && i < ELEMENTSOF(needs); i++)
                if (options_has(o, needs[i]))
                        return error_set(error, -EINVAL, _("--%s needs --enhance"), option_table[needs[i]].name);
        if (o->verb->id != VERB_ENHANCE)
                return 0;
        if (!o->earlier == !o->n_words)
                return error_set(error, -EINVAL, _("'enhance' needs IDEA... or --earlier"));
        if (o->earlier && !o->refine)
                return error_set(error, -EINVAL, _("--earlier needs --refine"));
        return 0;
}

/* The verbs that take files write beside each; several of them cannot go to one place. */
static int check_files(const Options *o, Error *error)
{
        const uint64_t takes_files = FINISHES & ~GENERATES;
        size_t length = o->output ? strlen(o->output) : 0;

        if (!(takes_files & VERB_BIT(o->verb->id)))
                return 0;
        if (o->verb->id == VERB_VARY && !o->last == !o->n_words)
                return error_set(error, -EINVAL, _("'vary' needs FILE... or --last"));
        if (length > 0 && o->output[length - 1] != '/' && o->n_words > 1)
                return error_set(error, -EINVAL, _("several pictures do not fit into %s; a directory ends in a slash"),
                                 o->output);
        return 0;
}

static int check_words(const Options *o, Error *error)
{
        const Verb *verb = o->verb;

        if (o->n_words < verb->min_words && verb->id == VERB_GENERATE)
                return error_set(error, -EINVAL, _("no prompt; \"\" is an empty one, - reads it from stdin"));
        if (o->n_words < verb->min_words)
                return error_set(error, -EINVAL, _("'%s' needs %s"), verb->name, verb->arguments);
        if (o->n_words > verb->max_words)
                return error_set(error, -EINVAL,
                                 verb->max_words ? _("'%s' takes one word; for a picture of this write: imagine generate %s %s ...")
                                                 : _("'%s' takes no words; for a picture of this write: imagine generate %s %s ..."),
                                 verb->name, verb->name, o->words[0]);
        return 0;
}

bool options_want_json(int argc, char *const argv[])
{
        for (int i = 1; i < argc && !streq(argv[i], "--"); i++)
                if (streq(argv[i], "--json"))
                        return true;
        return false;
}

int options_parse(Options *o, int argc, char *argv[], Error *error)
{
        *o = (Options) { .count = 1, .words = calloc((size_t)argc + 1, sizeof(char *)) };
        if (!o->words)
                return -ENOMEM;
        o->json = options_want_json(argc, argv); /* errors before it are told in JSON, too */

        int r = split(o, argc, argv, error);
        if (r < 0)
                return r;
        if (o->help || o->version) {
                o->help_of = o->verb;
                o->verb = verb_table + (o->help ? VERB_HELP : VERB_VERSION);
                return 0;
        }
        if (!o->verb)
                o->verb = verb_table + VERB_GENERATE;

        r = check_verbs(o, error);
        if (r >= 0)
                r = check_pairs(o, error);
        if (r >= 0)
                r = check_words(o, error);
        if (r >= 0)
                r = check_files(o, error);
        if (r >= 0)
                r = check_inputs(o, error);
        if (r >= 0)
                r = check_prompts(o, error);
        if (r >= 0)
                infer_format(o);
        if (r >= 0 && (o->verb->id == VERB_GENERATE || o->verb->id == VERB_COMPARE || o->verb->id == VERB_CHECK_PROMPT || (o->verb->id == VERB_ENHANCE && !o->earlier)))
                r = prompt_new(o->words, o->n_words, &o->prompt, error);
        return r;
}

void options_done(Options *o)
{
        free(o->words);
        free(o->prompt);
        *o = (Options) { 0 };
}
