/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "engine/text/vocabulary.h"

#define FOLDERS_MAX 1024 /* that are looked at in one directory */

typedef struct Search {
        const TokenizerConfig *config;
        uint32_t vocab_size;
        Tokenizer *found;
} Search;

/* The vocabulary in a folder, if it is one of that size; others, broken ones too, are passed over. */
static bool try_folder(Search *s, const char *dir)
{
        Tokenizer *tokenizer = NULL;

        if (tokenizer_new(&tokenizer, dir, s->config, NULL) < 0)
                return false;
        if (tokenizer_vocab_size(tokenizer) != s->vocab_size) {
                tokenizer_free(tokenizer);
                return false;
        }
        s->found = tokenizer;
        return true;
}

/* In the order of their names, so that it is always the same one. */
static bool try_models(Search *s, const char *dir)
{
        struct dirent **entries = NULL;
        int n = scandir(dir, &entries, NULL, alphasort);
        bool found = false;

        for (int i = 0; i < n; i++) {
                char path[PATH_MAX];

                if (!found && i < FOLDERS_MAX && entries[i]->d_name[0] != '.' &&
                    snprintf(path, sizeof(path), "%s/%s/tokenizer", dir, entries[i]->d_name) < (int)sizeof(path))
                        found = try_folder(s, path);
                free(entries[i]);
        }
        free(entries);
        return found;
}

static bool try_directory(Search *s, const char *dir)
{
        return try_folder(s, dir) || try_models(s, dir);
}

int vocabulary_find(Tokenizer **ret, const char *model_file, const TokenizerConfig *config, uint32_t vocab_size,
                    Error *error)
{
        Search search = { .config = config, .vocab_size = vocab_size };
        const char *slash = strrchr(model_file, '/'), *others = getenv(MODEL_PATH_VARIABLE);
        char dir[PATH_MAX];

        (void)snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - model_file) : 1, slash ? model_file : ".");
        bool found = try_directory(&search, dir);
        for (const char *at = others; !found && at && *at; at += *at == ':') {
                const size_t length = strcspn(at, ":");

                if (length > 0 && (size_t)snprintf(dir, sizeof(dir), "%.*s", (int)length, at) < sizeof(dir))
                        found = try_directory(&search, dir);
                at += length;
        }
        if (!found)
                return error_set(error, -ENOENT,
                                 "%s: a single file brings no vocabulary, and none of %u entries is installed; put CLIP's "
                                 "vocab.json and merges.txt, or bpe_simple_vocab_16e6.txt.gz, beside it, or install any "
                                 "Stable Diffusion model in the Diffusers layout",
                                 model_file, vocab_size);
        *ret = search.found;
        return 0;
}
