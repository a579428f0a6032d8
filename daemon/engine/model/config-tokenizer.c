/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "engine/model/config.h"
#include "engine/model/json-reader.h"

#define LENGTH_MAX 1024

/* A special token is a string, or an object that holds it as "content". An absent one leaves *token as it
 * is. */
static void read_token(JsonReader *json, const char *key, char token[static 64])
{
        const json_t *value = json_object_get(json->root, key);
        if (json_is_object(value))
                value = json_object_get(value, "content");
        if (!value || json_is_null(value))
                return;

        const char *text = json_string_value(value);
        if (!text || text[0] == '\0' || strlen(text) >= 64)
                json_fail(json, -EBADMSG, key, "not a token of 1 to 63 bytes");
        else
                memcpy(token, text, strlen(text) + 1);
}

static void read_tokens(JsonReader *json, TokenizerConfig *c)
{
        read_token(json, "bos_token", c->bos_token);
        read_token(json, "eos_token", c->eos_token);
        read_token(json, "pad_token", c->pad_token);
}

int tokenizer_config_read(TokenizerConfig *ret, const char *path, const char *special_tokens_path,
                          Error *error)
{
        TokenizerConfig c = {
                .bos_token = "<|startoftext|>",
                .eos_token = "<|endoftext|>",
                .pad_token = "<|endoftext|>",
        };

        _cleanup_(json_reader_done) JsonReader json = {};
        int r = json_reader_open(&json, path, error);
        if (r < 0)
                return r;
        c.max_length = json_u32(&json, "model_max_length", 77, 3, LENGTH_MAX);
        read_tokens(&json, &c);
        if (json.result < 0)
                return json.result;

        _cleanup_(json_reader_done) JsonReader special = {};
        if (access(special_tokens_path, F_OK) >= 0) {
                r = json_reader_open(&special, special_tokens_path, error);
                if (r < 0)
                        return r;
                read_tokens(&special, &c);
                if (special.result < 0)
                        return special.result;
        }

        *ret = c;
        return 0;
}
