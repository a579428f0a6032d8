/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records of 100,000 pictures: how long it takes to add one, and to find some.
 *
 *     records FOLDER [HOW MANY] */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/util.h"
#include "records/records.h"

#define RUNS 21
#define FIRST 1600000000000000 /* µs since 1970; one a minute from then on */

static double now(void)
{
        return (double)clock_usec(CLOCK_MONOTONIC) / 1000;
}

static json_t *made_up(unsigned i)
{
        static const char *const things[] = { "fox", "wolf", "owl", "house", "boat", "tree", "castle", "bicycle" };
        static const char *const colours[] = { "red", "blue", "green", "golden", "grey" };
        char prompt[256], pixels[65], id[RECORD_ID_SIZE];

        (void)records_new_id(id);
        (void)snprintf(prompt, sizeof(prompt), "a %s %s number%u in front of a %s %s, golden hour, watercolour, detailed", colours[i % 5],
                       things[i % 8], i, colours[i / 5 % 5], things[i / 8 % 8]);
        (void)snprintf(pixels, sizeof(pixels), "%064x", i);
        return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:{s:I, s:i, s:f, s:s}, s:i, s:i, s:{s:s, s:s}, s:f, s:s, s:s, s:s, s:s*}", "id", id,
                         "time", (json_int_t)FIRST + (json_int_t)i * 60000000, "prompt", prompt, "negative", "text, blurry", "model",
                         i % 10 ? "default" : "large", "model_digest", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                         "settings", "seed", (json_int_t)i, "steps", 30, "guidance", 7.5, "sampler", "euler-a", "width", 512, "height",
                         512, "made_with", "engine", "imagined", "isa", "avx512", "seconds", 2.5, "pixels", pixels, "state",
                         i % 100 ? "draft" : "approved", "app", i % 3 ? "org.gnome.Terminal" : "", "provider", i % 20 ? NULL : "cloud");
}

static int count(json_t *record, void *userdata)
{
        (void)record;
        ++*(unsigned *)userdata;
        return 0;
}

static void search(Records *records, const char *what, const RecordsQuery *query)
{
        double best = 1e9, worst = 0;
        const clock_t begun = clock();
        unsigned found = 0;

        for (int i = 0; i < RUNS; i++) {
                const double before = now();
                found = 0;
                if (records_search(records, query, count, &found, NULL) < 0)
                        exit(EXIT_FAILURE);
                const double took = now() - before;
                best = MIN(best, took);
                worst = MAX(worst, took);
        }
        (void)printf("search %-34s %6u found   %8.2f to %.2f ms, %.2f ms of the processor\n", what, found, best,
                     worst, (double)(clock() - begun) * 1000 / CLOCKS_PER_SEC / RUNS);
}

int main(int argc, char *argv[])
{
        const unsigned n = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 100000;
        const uint64_t middle = FIRST + (uint64_t)n / 2 * 60000000;
        _cleanup_(records_closep) Records *records = NULL;
        char path[512];
        Error error = { 0 };

        if (argc < 2)
                return EXIT_FAILURE;
        (void)snprintf(path, sizeof(path), "%s/records/records.db", argv[1]);
        if (records_open(&records, path, RECORDS_CREATE, &error) < 0)
                return (void)fprintf(stderr, "%s\n", error.text), EXIT_FAILURE;
        double before = now(), longest = 0;
        for (unsigned i = 0; i < n; i++) {
                json_t *record = made_up(i);
                const double one = now();
                if (records_add(records, record, &error) < 0)
                        return (void)fprintf(stderr, "%s\n", error.text), EXIT_FAILURE;
                longest = MAX(longest, now() - one);
                json_decref(record);
        }
        (void)printf("add    %-34s %6u added   %8.3f ms each, at most %.1f ms\n", "", n, (now() - before) / n, longest);
        search(records, "all, the newest 50", &(RecordsQuery) { .limit = 50 });
        search(records, "a word in each, 50", &(RecordsQuery) { .words = "watercolour", .limit = 50 });
        search(records, "two words, 50", &(RecordsQuery) { .words = "red fox", .limit = 50 });
        search(records, "a word in one", &(RecordsQuery) { .words = "number4711", .limit = 50 });
        search(records, "the beginning of a word, 50", &(RecordsQuery) { .words = "cas*", .limit = 50 });
        search(records, "a word that is nowhere", &(RecordsQuery) { .words = "quetzalcoatl", .limit = 50 });
        search(records, "a word in each, and approved, 50", &(RecordsQuery) { .words = "watercolour", .state = "approved", .limit = 50 });
        search(records, "a word in each, another model", &(RecordsQuery) { .words = "watercolour", .model = "none", .limit = 50 });
        search(records, "a model, 50", &(RecordsQuery) { .model = "large", .limit = 50 });
        search(records, "approved, of a month, 50", &(RecordsQuery) { .state = "approved", .since = middle, .until = middle + 2592000000000, .limit = 50 });
        search(records, "of a provider, 50", &(RecordsQuery) { .provider = "cloud", .limit = 50 });
        search(records, "of no provider, approved, of a month", &(RecordsQuery) { .provider = "", .state = "approved", .since = middle, .until = middle + 2592000000000 });
        search(records, "two words, of a provider, approved", &(RecordsQuery) { .words = "red fox", .provider = "cloud", .state = "approved" });
        search(records, "two words, of a provider, of a month", &(RecordsQuery) { .words = "red fox", .provider = "cloud", .since = middle, .until = middle + 2592000000000 });
        search(records, "a word in each, of the first month", &(RecordsQuery) { .words = "watercolour", .until = FIRST + 2592000000000, .limit = 50 });
        search(records, "a provider and a model, approved, 50", &(RecordsQuery) { .provider = "cloud", .model = "large", .state = "approved", .limit = 50 });
        search(records, "a tag that is nowhere", &(RecordsQuery) { .tag = "none", .limit = 50 });
        before = now();
        uint64_t forgotten = 0;
        if (records_forget(records, &(RecordsQuery) { .words = "fox" }, true, &forgotten, &error) < 0)
                return (void)fprintf(stderr, "%s\n", error.text), EXIT_FAILURE;
        (void)printf("forget %-34s %6u prompts %8.0f ms\n", "a word", (unsigned)forgotten, now() - before);
        return EXIT_SUCCESS;
}
