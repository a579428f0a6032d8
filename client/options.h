/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line, read once into one struct:
 *
 *     Options options;
 *     if (options_parse(&options, argc, argv, &error) < 0)
 *             …                        // a sentence about what is wrong, exit code CODE_USAGE
 *
 * One table says which options there are, what values they take and with which verbs they go; an option that
 * does not go with the verb is refused, not ignored. Parsing touches neither the bus nor files, except stdin
 * for the prompt "-". */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/request.h"
#include "client/verbs.h"

#define KEEP_ALIVE_MAX 86400 /* seconds */
#define FIELDS_GIVEN_MAX 32

#define OPTIONS(X)                                                                                         \
        /* id, letter, name, argument, kind, field, least, most, verbs, what it does: with a + before it not on \
         * the screen of --help, but in that of a verb */                                                  \
        X(OUTPUT, 'o', "output", "FILE", PATH, output, 0, 0, MAKES | FINISHES | COMPARES | TAKES_IN, "FILE, DIR/, or -")                    \
        X(FORCE, 'f', "force", NULL, FLAG, force, 0, 0, MAKES | COMPARES | TAKES_IN | SHOWS, "replace FILE")                             \
        X(SEED, 0, "seed", "N", INTEGER, seed, 0, UINT64_MAX, ASKS | WRITES | COMPARES | TAKES_IN, "repeats a picture")                   \
        X(SIZE, 0, "size", "WxH", SIZE, width, 0, 0, ASKS | COMPARES | TAKES_IN, "in pixels")                                    \
        X(ASPECT, 0, "aspect", "W:H", ASPECT, aspect, 0, 0, ASKS, "+shape, as 16:9")                        \
        X(STEPS, 0, "steps", "N", INTEGER, steps, 1, REQUEST_STEPS_MAX, ASKS, "denoising steps")           \
        X(GUIDANCE, 0, "guidance", "X", NUMBER, guidance, 0, REQUEST_GUIDANCE_MAX, ASKS, "+guidance scale") \
        X(FAST, 0, "fast", NULL, FLAG, fast, 0, 0, ASKS, "few steps, sooner")                              \
        X(NEGATIVE, 0, "negative", "TEXT", TEXT, negative, 0, 0, ASKS | COMPARES | TAKES_IN, "what not to show")                 \
        X(SAMPLER, 0, "sampler", "NAME", SAMPLER, sampler, 0, 0, ASKS, "+ddim, euler, ...")                 \
        X(SCHEDULE, 0, "schedule", "NAME", SCHEDULE, schedule, 0, 0, ASKS, "+karras, simple, ...")         \
        X(RNG, 0, "rng", "NAME", RNG, rng, 0, 0, ASKS, "+cpu or philox")                                   \
        X(VARY, 0, "vary", "X", NUMBER, vary, 0, 1, ASKS | VARIES, "+strength of variations")                      \
        X(VARIATION_SEED, 0, "variation-seed", "N", INTEGER, variation_seed, 0, UINT64_MAX, ASKS | VARIES,          \
          "+of the variation")                                                                             \
        X(FROM, 0, "from", "FILE", PATH, from, 0, 0, GENERATES | ASKS_IN_WINDOW | REMAKES, "+start from a picture")                        \
        X(MASK, 0, "mask", "FILE", PATH, mask, 0, 0, GENERATES, "+what of it to paint")                         \
        X(MASK_PAINTS, 0, "mask-paints", "WHAT", MASK_PAINTS, mask_paints, 0, 0, GENERATES, "+bright, dark, opaque, clear")     \
        X(MASK_BLUR, 0, "mask-blur", "N", NUMBER, mask_blur, 0, REQUEST_MASK_BLUR_MAX, GENERATES, "+pixels of soft edges")  \
        X(OUTPAINT, 0, "outpaint", "SIDES", SIDES, outpaint, 0, REQUEST_SIZE_MAX, GENERATES, "+grow it, as left:128")  \
        X(STRENGTH, 0, "strength", "X", NUMBER, strength, 0, 1, GENERATES | VARIES, "+how much anew")                    \
        X(ETA, 0, "eta", "X", NUMBER, eta, 0, 1, ASKS, "+noise that steps add")                            \
        X(GUIDANCE_RESCALE, 0, "guidance-rescale", "X", NUMBER, guidance_rescale, 0, 1, ASKS,              \
          "+take spread back")                                                                             \
        X(GUIDANCE_INTERVAL, 0, "guidance-interval", "A:B", INTERVAL, guidance_interval, 0, 1, ASKS,       \
          "+guided part of the way")                                                                       \
        X(REUSE_DEEP, 0, "reuse-deep", "N", INTEGER, reuse_deep, 1, REQUEST_REUSE_MAX, ASKS,              \
          "+deep layers every N steps")                                                                    \
        X(MERGE_TOKENS, 0, "merge-tokens", "X", NUMBER, merge_tokens, 0, REQUEST_MERGE_MAX, ASKS,          \
          "+alike ones attend as one")                                                                     \
        X(FORMAT, 0, "format", "NAME", FORMAT, format, 0, 0, FINISHES | TAKES_IN, "+png, jpeg or webp")                    \
        X(QUALITY, 0, "quality", "N", INTEGER, quality, 1, 100, FINISHES | TAKES_IN, "+of jpeg and webp")                 \
        X(ENLARGE, 0, "enlarge", "HOW", ENLARGE, enlarge, 0, 0, FINISHES, "+the size asked for")                \
        X(REMOVE_ARTEFACTS, 0, "remove-artefacts", "X", NUMBER, remove_artefacts, 0, 1, FINISHES | TAKES_IN,              \
          "+ringing, blotches")                                                                            \
        X(SMOOTH_EDGES, 0, "smooth-edges", "X", NUMBER, smooth_edges, 0, 1, FINISHES | TAKES_IN, "+stairs")               \
        X(SHARPEN, 0, "sharpen", "X", NUMBER, sharpen, 0, 1, FINISHES | TAKES_IN, "+steeper edges")                       \
        X(HIRES, 0, "hires", "X", NUMBER, hires, 1, REQUEST_HIRES_MAX, ASKS, "+in two passes")               \
        X(HIRES_STRENGTH, 0, "hires-strength", "X", NUMBER, hires_strength, 0, 1, ASKS, "+of the second")  \
        X(HIRES_STEPS, 0, "hires-steps", "N", INTEGER, hires_steps, 1, REQUEST_STEPS_MAX, ASKS,            \
          "+of the second")                                                                                \
        X(TILING, 0, "tiling", "SIDES", TILING, tiling, 0, 0, ASKS, "+x, y or xy")                         \
        X(PRECISION, 0, "precision", "WHICH", PRECISION, precision, 0, 0, FINISHES, "+auto, f32, bf16, int8")    \
        X(CLIP_SKIP, 0, "clip-skip", "N", INTEGER, clip_skip, 1, REQUEST_CLIP_SKIP_MAX, ASKS,              \
          "+which text layer counts")                                                                      \
        X(LORA, 0, "lora", "NAME[:X]", LORA, loras, 0, 0, ASKS, "+adapter and its weight")                 \
        X(COUNT, 0, "count", "N", INTEGER, count, 1, REQUEST_COUNT_MAX, ASKS | VARIES | WRITES, "several pictures")          \
        X(MODEL, 0, "model", "NAME", TEXT, model, 0, 0, FINISHES | WRITES | CHECKS | FINDS | TAKES_IN, "one of 'models'")                           \
        X(DETACH, 0, "detach", NULL, FLAG, detach, 0, 0, GENERATES, "do not wait")                              \
        X(PRIORITY, 0, "priority", "P", PRIORITY, priority, 0, 0, FINISHES, "+batch, normal, ..")               \
        X(KEEP_ALIVE, 0, "keep-alive", "TIME", DURATION, keep_alive, 0, KEEP_ALIVE_MAX, FINISHES,              \
          "+keep the model")                                                                                \
        X(NO_PROMPT_METADATA, 0, "no-prompt-metadata", NULL, FLAG, no_prompt_metadata, 0, 0, FINISHES | TAKES_IN,         \
          "+no prompt in PNG")                                                                              \
        X(ALT_TEXT, 0, "alt-text", "TEXT", TEXT, alt_text, 0, 0, FINISHES | TAKES_IN | DECIDES, "+for who cannot see it")           \
        X(CREATOR, 0, "creator", "NAME", TEXT, creator, 0, 0, FINISHES | TAKES_IN, "+who has it made")                    \
        X(COMMENT, 0, "comment", "TEXT", TEXT, comment, 0, 0, DECIDES, "+why")                                  \
        X(LICENCE_CHECKED, 0, "licence-checked", NULL, FLAG, licence_checked, 0, 0, DECIDES, "+somebody looked")  \
        X(LEGIBILITY_CHECKED, 0, "legibility-checked", NULL, FLAG, legibility_checked, 0, 0, DECIDES,           \
          "+it was seen small")                                                                                \
        X(NOTIFY, 0, "notify", NULL, FLAG, notify, 0, 0, MAKES | FINISHES | TELLS, "+on the desktop, too")                     \
        X(PREVIEW, 0, "preview", "HOW", PREVIEW, preview, 0, 0, MAKES | FINISHES | WATCHES | REVIEWS, "+in the terminal")          \
        X(FOLDER, 0, "folder", "DIR", PATH, folder, 0, 0, HAS_FOLDER,     "+where pictures go")            \
        X(PROMPT, 0, "prompt", "TEXT", TEXT, prompt_text, 0, 0, ASKS_IN_WINDOW | TAKES_IN, "+to begin with")          \
        X(ENHANCE, 0, "enhance", NULL, FLAG, enhance, 0, 0, GENERATES, "+a full prompt of it first")        \
        X(PROMPT_ONLY, 0, "prompt-only", NULL, FLAG, prompt_only, 0, 0, GENERATES, "+print it, draw nothing") \
        X(TEMPLATE, 0, "template", "NAME", TEXT, template, 0, 0, GENERATES | WRITES, "+one of 'templates'") \
        X(PROFILE, 0, "profile", "NAME", TEXT, profile, 0, 0, GENERATES | WRITES, "+one of 'profiles'")    \
        X(PURPOSE, 0, "purpose", "NAME", TEXT, purpose, 0, 0, GENERATES | WRITES, "+one of 'purposes'")    \
        X(FIELD, 0, "field", "NAME=TEXT", FIELD, fields, 0, 0, GENERATES | WRITES, "+what a field says")   \
        X(REFINE, 0, "refine", "TEXT", TEXT, refine, 0, 0, GENERATES | WRITES, "+as \"warmer, closer\"")   \
        X(EARLIER, 0, "earlier", "FILE", PATH, earlier, 0, 0, WRITES, "+what to refine, of --json")        \
        X(WRITER, 0, "engine", "NAME", TEXT, engine, 0, 0, GENERATES | WRITES, "+builtin or chat")         \
        X(SERVER, 0, "server", "NAME", TEXT, server, 0, 0, GENERATES | SENDS, "+one of 'consent'")                     \
        X(DRY_RUN, 0, "dry-run", NULL, FLAG, dry_run, 0, 0, GENERATES | SENDS, "+show what would be sent")             \
        X(PROVIDER, 0, "provider", "NAME", TEXT, provider, 0, 0, GENERATES | REMAKES | TAKES_IN | FINDS, "+one of 'providers'")          \
        X(PROVIDERS, 0, "providers", "A,B", TEXT, providers, 0, 0, COMPARES, "+who is compared")           \
        X(BEST_EFFORT, 0, "best-effort", NULL, FLAG, best_effort, 0, 0, GENERATES | COMPARES, "+leave out what it has not") \
        X(PRIVATE, 0, "private", NULL, FLAG, private, 0, 0, GENERATES, "+stays on this machine")           \
        X(CHECK, 0, "check", NULL, FLAG, check, 0, 0, PROVIDES, "+ask each whether it is there")           \
        X(INSPECT, 0, "inspect", "PATH", PATH, inspect, 0, 0, LOOKS, "+what a model is")                    \
        X(STATE, 0, "state", "NAME", STATE, state, 0, 0, FINDS, "+draft, approved, ...")                   \
        X(TAG, 0, "tag", "TEXT", TEXT, tag, 0, 0, FINDS, "+what it was tagged with")                       \
        X(APP, 0, "app", "NAME", TEXT, app, 0, 0, FINDS, "+that asked for it")                             \
        X(SINCE, 0, "since", "TIME", TIME, since, 0, 0, FINDS | SPENDS, "+a date, or 7d")                           \
        X(UNTIL, 0, "until", "TIME", TIME, until, 0, 0, FINDS | SPENDS, "+likewise")                                \
        X(BY, 0, "by", "WHAT", BY, by, 0, 0, SPENDS, "+day, provider or app")                              \
        X(LIMIT, 0, "limit", "N", INTEGER, limit, 0, 1000000, SHOWS, "+at most so many, 0: all")           \
        X(SHEET, 0, "sheet", "FILE", PATH, sheet, 0, 0, SHOWS, "+of their pictures, as HTML")                \
        X(PROMPTS, 0, "prompts", NULL, FLAG, prompts, 0, 0, FORGETS, "+nothing else")                      \
        X(REMOVE, 0, "remove", NULL, FLAG, remove, 0, 0, TAGS, "+take tags away")                          \
        X(VERIFY, 0, "verify", NULL, FLAG, verify, 0, 0, REMAKES, "+are the pixels the same?")             \
        X(FILES, 0, "files", NULL, FLAG, files, 0, 0, REMOVES, "+files, too")                              \
        X(ONLY_FILES, 0, "only-files", NULL, FLAG, only_files, 0, 0, REMOVES, "+keep records")             \
        X(LAST, 0, "last", NULL, FLAG, last, 0, 0, VARIES, "+the newest in 'folder'")                      \
        X(SCALE, 0, "scale", "X", NUMBER, scale, 1, REQUEST_HIRES_MAX, ENLARGES, "+times as large")        \
        X(OPEN, 0, "open", NULL, FLAG, open, 0, 0, OPENS, "+in the file manager")                          \
        X(EVERYBODY, 0, "all", NULL, FLAG, everybody, 0, 0, LISTS | SETS_UP | FORGETS, "+jobs, pieces, records")                   \
        X(OF, 0, "of", "USER", TEXT, of, 0, 0, ENDS, "+another user's job")                                \
        X(JSON, 0, "json", NULL, FLAG, json, 0, 0, ALL, "object on stdout")                                \
        X(QUIET, 'q', "quiet", NULL, FLAG, quiet, 0, 0, ALL, "no progress")                                \
        X(USER, 0, "user", NULL, FLAG, user, 0, 0, ALL, "+session bus")                                     \
        X(SYSTEM, 0, "system", NULL, FLAG, system, 0, 0, ALL, "+system bus")                                \
        X(NO_START, 0, "no-start", NULL, FLAG, no_start, 0, 0, ALL, "+do not start it")                     \
        X(HELP, 'h', "help", NULL, FLAG, help, 0, 0, ALL, "this text")                                     \
        X(VERSION, 0, "version", NULL, FLAG, version, 0, 0, ALL, "the version")

typedef enum OptionId {
#define X(id, ...) OPTION_##id,
        OPTIONS(X)
#undef X
        OPTION_MAX,
} OptionId;

typedef struct Options {
        const Verb *verb;
        const Verb *help_of; /* --help: the verb that stood there, or NULL */
        char **words; /* what stands after the verb; points into argv */
        int n_words;
        char *prompt; /* generate: the words as one text, valid UTF-8 */
        bool given[OPTION_MAX]; /* which options there were */

        const char *output, *inspect, *sheet;
        const char *folder, *prompt_text;
        bool force;
        uint64_t seed;
        uint32_t width, height;
        double aspect; /* width divided by height */
        uint64_t steps;
        double guidance;
        bool fast;
        const char *negative;
        const char *sampler, *schedule, *rng;
        double vary;
        uint64_t variation_seed;
        const char *from, *mask, *mask_paints;
        double mask_blur; /* pixels */
        uint32_t outpaint[SIDE_MAX]; /* pixels */
        const char *format;
        uint64_t quality;
        double strength;
        double eta, guidance_rescale;
        double guidance_interval[2];
        uint64_t reuse_deep;
        double merge_tokens;
        const char *enlarge, *tiling, *precision;
        double hires, hires_strength;
        uint64_t hires_steps;
        uint64_t clip_skip;
        RequestLora loras[REQUEST_LORAS_MAX];
        size_t n_loras;
        double remove_artefacts, smooth_edges, sharpen;
        uint64_t count; /* 1 if not given */
        const char *model;
        bool enhance, prompt_only;
        const char *template, *profile, *purpose, *refine, *earlier, *engine;
        const char *fields[FIELDS_GIVEN_MAX]; /* NAME=TEXT */
        size_t n_fields;
        bool detach;
        const char *priority;
        uint64_t keep_alive; /* seconds */
        bool no_prompt_metadata, notify;
        const char *alt_text, *creator, *comment;
        bool licence_checked, legibility_checked;
        const char *preview;
        bool last, open;
        const char *provider, *state, *tag, *app;
        uint64_t since, until; /* µs since 1970; 0: any time */
        const char *by;
        uint64_t limit;
        bool prompts, remove, verify, files, only_files;
        double scale;
        bool everybody;
        const char *of;
        const char *server;
        bool dry_run;
        const char *providers;
        bool best_effort, private, check;
        bool json, quiet;
        bool user, system, no_start;
        bool help, version;
} Options;

typedef struct OptionInfo {
        OptionId id;
        char letter; /* 0: none */
        const char *name;
        const char *argument; /* NULL: none */
        uint64_t verbs; /* VERB_BIT()s */
        const char *help;
} OptionInfo;

/* OPTION_MAX entries, in the order of OptionId. */
extern const OptionInfo option_table[];

static inline bool options_has(const Options *options, OptionId id)
{
        return options->given[id];
}

/* Whether there is a --json, before anything else is known. */
bool options_want_json(int argc, char *const argv[]);

/* Fills in *options, which points into argv afterwards. 0; -EINVAL with a sentence for the user; -ENOMEM; or
 * what reading stdin gave. *options is to be freed with options_done() in every case. Whether --json was given
 * is known even then. */
int options_parse(Options *options, int argc, char *argv[], Error *error);

void options_done(Options *options);
