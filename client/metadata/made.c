/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/metadata/made.h"

#define DIGITS_SURE 18 /* that fit into an integer of JSON's */

/* --- to the text --- */

static void put_number(FILE *f, const char *name, const json_t *number)
{
        if (json_is_integer(number))
                (void)fprintf(f, ", %s: %" JSON_INTEGER_FORMAT, name, json_integer_value(number));
        else if (json_is_real(number))
                (void)fprintf(f, ", %s: %.10g", name, json_real_value(number));
        else if (json_is_string(number)) /* too large for either */
                (void)fprintf(f, ", %s: %.20s", name, json_string_value(number));
}

static void put_text(FILE *f, const char *name, const char *value)
{
        char *quoted = NULL;

        if (!value)
                return;
        if (strpbrk(value, ",:\n")) {
                json_t *string = json_string(value);
                quoted = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
                json_decref(string);
        }
        (void)fprintf(f, ", %s: %s", name, quoted ? quoted : value);
        free(quoted);
}

/* "styles/ink.safetensors" is called ink. */
static void put_lora(FILE *f, const char *name, const json_t *weight, const char *before)
{
        const char *base = strrchr(name, '/'), *backslash = strrchr(name, '\\');
        base = base ? base + 1 : backslash ? backslash + 1 : name;
        const char *dot = strrchr(base, '.');

        (void)fprintf(f, "%s<lora:%.*s:%.10g>", before, (int)(dot ? dot - base : (ptrdiff_t)strlen(base)), base,
                      json_is_number(weight) ? json_number_value(weight) : 1.0);
}

static void put_prompt(FILE *f, const Made *made)
{
        const char *prompt = made->prompt ? made->prompt : "";

        (void)fputs(prompt, f);
        for (size_t i = 0; i < made->n_loras; i++)
                put_lora(f, made->loras[i].name, made->loras[i].weight, i > 0 || *prompt ? " " : "");
        (void)fputc('\n', f);
        if (made->negative && *made->negative)
                (void)fprintf(f, "Negative prompt: %s\n", made->negative);
}

int made_to_text(const Made *made, char **ret)
{
        char *text = NULL;
        size_t size = 0;

        if (!made->prompt && !made->steps)
                return 0;
        FILE *f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        put_prompt(f, made);
        /* The line is known by its beginning. */
        (void)fprintf(f, "Steps: %" JSON_INTEGER_FORMAT, json_integer_value(made->steps));
        put_text(f, "Sampler", made->sampler);
        put_text(f, "Schedule type", made->schedule);
        put_number(f, "CFG scale", made->guidance);
        put_number(f, "Seed", made->seed);
        if (json_is_integer(made->width) && json_is_integer(made->height))
                (void)fprintf(f, ", Size: %" JSON_INTEGER_FORMAT "x%" JSON_INTEGER_FORMAT, json_integer_value(made->width),
                              json_integer_value(made->height));
        put_text(f, "Model", made->model);
        put_number(f, "Denoising strength", made->strength);
        put_number(f, "Clip skip", made->clip_skip);
        put_text(f, "Version", made->program);
        if (fclose(f) != 0) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return 1;
}

/* --- from JSON that is not quite --- */

/* Copies a string with its quotes; returns what follows it. */
static const char *copy_string(const char *from, char **to)
{
        *(*to)++ = *from++;
        while (*from && *from != '"') {
                if (*from == '\\' && from[1])
                        *(*to)++ = *from++;
                *(*to)++ = *from++;
        }
        if (*from)
                *(*to)++ = *from++;
        return from;
}

static size_t word_length(const char *text)
{
        return strspn(text, "+-.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

/* Copies a number or a name, with quotes if it is too long for a number, and as null if it is none. */
static const char *copy_word(const char *from, char **to)
{
        const size_t length = word_length(from);

        if (strncmp(from, "NaN", 3) == 0 || strncmp(from, "Infinity", 8) == 0 || strncmp(from, "-Infinity", 9) == 0)
                *to = stpcpy(*to, "null");
        else if (length > DIGITS_SURE && strspn(from, "0123456789") == length)
                *to += sprintf(*to, "\"%.*s\"", (int)length, from);
        else
                *to = mempcpy(*to, from, length);
        return from + length;
}

json_t *made_parse(const char *text)
{
        /* Words become longer by two at most, and the shortest by one. */
        _cleanup_(freep) char *clean = malloc(2 * strlen(text) + 1);
        char *to = clean;

        if (!clean)
                return NULL;
        while (*text)
                if (*text == '"')
                        text = copy_string(text, &to);
                else if (word_length(text) > 0)
                        text = copy_word(text, &to);
                else
                        *to++ = *text++;
        *to = '\0';
        return json_loads(clean, 0, NULL);
}
