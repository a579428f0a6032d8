/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "engine/text/prompt.h"

#define ROUND 1.1
#define SQUARE (1 / 1.1)

/* A weight as it is written; longer ones are none. */
#define NUMBER_MAX 32

/* What is being read. Runs of text lie one behind the other in `text`, without syntax. */
typedef struct Run {
        size_t at, size;
        double weight;
        bool is_break;
} Run;

typedef struct Parser {
        char *text;
        size_t text_size;
        Run *runs;
        size_t n_runs;
        size_t *rounds, *squares; /* open brackets: the run that came next */
        size_t n_rounds, n_squares;
} Parser;

static void parser_done(Parser *p)
{
        free(p->text);
        free(p->runs);
        free(p->rounds);
        free(p->squares);
}

/* No text has more brackets than bytes, nor more than two runs a byte and one. */
static int parser_init(Parser *p, size_t size)
{
        p->text = malloc(size + 1);
        p->runs = calloc(2 * size + 2, sizeof(*p->runs));
        p->rounds = calloc(size + 1, sizeof(*p->rounds));
        p->squares = calloc(size + 1, sizeof(*p->squares));
        return p->text && p->runs && p->rounds && p->squares ? 0 : -ENOMEM;
}

static void put_text(Parser *p, const char *text, size_t size)
{
        p->runs[p->n_runs++] = (Run) { .at = p->text_size, .size = size, .weight = 1 };
        memcpy(p->text + p->text_size, text, size);
        p->text_size += size;
}

static void put_break(Parser *p)
{
        p->runs[p->n_runs++] = (Run) { .at = p->text_size, .weight = 1, .is_break = true };
}

static void multiply(Parser *p, size_t first, double factor)
{
        for (size_t i = first; i < p->n_runs; i++)
                p->runs[i].weight *= factor;
}

static bool is_space(char c)
{
        return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Letters and digits; of other alphabets' characters all. */
static bool is_word(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (c & 0x80);
}

/* The next BREAK that is a word of its own. */
static const char *find_break(const char *text, const char *end)
{
        const char *from = text;

        for (const char *at; (at = memmem(from, (size_t)(end - from), "BREAK", 5)); from = at + 1)
                if ((at == text || !is_word(at[-1])) && (at + 5 == end || !is_word(at[5])))
                        return at;
        return NULL;
}

/* Text without any bracket or colon; breaks take the space around them along. */
static void put_plain(Parser *p, const char *text, const char *end)
{
        for (const char *at; (at = find_break(text, end)); text = at) {
                const char *before = at;
                while (before > text && is_space(before[-1]))
                        before--;
                put_text(p, text, (size_t)(before - text));
                put_break(p);
                at += 5;
                while (at < end && is_space(*at))
                        at++;
        }
        put_text(p, text, (size_t)(end - text));
}

/* Reads ": 1.3 )"; returns what follows, or NULL if this is something else. */
static const char *read_weight(const char *text, double *ret)
{
        char number[NUMBER_MAX + 1], *end;

        text++;
        text += strspn(text, " \t\n\v\f\r");
        size_t n = *text == '+' || *text == '-';
        n += strspn(text + n, "0123456789.");
        if (n == 0 || n > NUMBER_MAX)
                return NULL;
        memcpy(number, text, n);
        number[n] = '\0';
        double weight = strtod(number, &end);
        if (*end != '\0')
                return NULL;

        text += n;
        text += strspn(text, " \t\n\v\f\r");
        if (*text != ')')
                return NULL;
        *ret = weight;
        return text + 1;
}

/* One piece of syntax or text; returns what follows it. */
static const char *parse_piece(Parser *p, const char *text)
{
        const char *next = text + 1;
        double weight;

        switch (*text) {
        case '\\':
                if (*next == '\0' || !strchr("()[]\\", *next))
                        return next;
                put_text(p, next, 1);
                return next + 1;
        case '(':
                p->rounds[p->n_rounds++] = p->n_runs;
                return next;
        case '[':
                p->squares[p->n_squares++] = p->n_runs;
                return next;
        case ':':
                if (p->n_rounds > 0 && (next = read_weight(text, &weight))) {
                        multiply(p, p->rounds[--p->n_rounds], weight);
                        return next;
                }
                put_text(p, text, 1);
                return text + 1;
        case ')':
                if (p->n_rounds > 0)
                        multiply(p, p->rounds[--p->n_rounds], ROUND);
                else
                        put_text(p, text, 1);
                return next;
        case ']':
                if (p->n_squares > 0)
                        multiply(p, p->squares[--p->n_squares], SQUARE);
                else
                        put_text(p, text, 1);
                return next;
        default:
                next = text + strcspn(text, "\\()[]:");
                put_plain(p, text, next);
                return next;
        }
}

static int parse_runs(Parser *p, const char *field, const char *text, Error *error)
{
        while (*text)
                text = parse_piece(p, text);
        while (p->n_rounds > 0)
                multiply(p, p->rounds[--p->n_rounds], ROUND);
        while (p->n_squares > 0)
                multiply(p, p->squares[--p->n_squares], SQUARE);
        if (p->n_runs == 0)
                put_text(p, "", 0);
        p->text[p->text_size] = '\0';

        for (size_t i = 0; i < p->n_runs; i++)
                if (!p->runs[i].is_break && !(fabs(p->runs[i].weight) <= PROMPT_WEIGHT_MAX))
                        return error_set(error, -EINVAL, "%s: a weight of %g; the highest is %g", field,
                                         p->runs[i].weight, PROMPT_WEIGHT_MAX);
        return 0;
}

/* Joins neighbours of the same weight, whose texts lie side by side. */
static int make_parts(Prompt *ret, const Parser *p)
{
        ret->parts = calloc(p->n_runs, sizeof(*ret->parts));
        if (!ret->parts)
                return -ENOMEM;

        for (size_t i = 0; i < p->n_runs;) {
                const Run *run = &p->runs[i++];
                PromptPart *part = &ret->parts[ret->n_parts++];
                size_t size = run->size;

                if (run->is_break)
                        continue;
                for (; i < p->n_runs && !p->runs[i].is_break && p->runs[i].weight == run->weight; i++)
                        size += p->runs[i].size;
                *part = (PromptPart) { .text = strndup(p->text + run->at, size), .weight = run->weight };
                if (!part->text)
                        return -ENOMEM;
        }
        return 0;
}

static int add_lora(Prompt *prompt, const char *field, const char *name, size_t size, const char *weight, Error *error)
{
        char *end;
        double value = weight ? strtod(weight, &end) : 1;

        if (size == 0 || size > PROMPT_LORA_NAME_MAX || memchr(name, '/', size) || memchr(name, '<', size))
                return error_set(error, -EINVAL, "%s: <lora:%.*s: not the name of an adapter", field,
                                 (int)MIN(size, 64U), name);
        if (weight && (end == weight || (*end != '>' && *end != ':') || !(fabs(value) <= PROMPT_WEIGHT_MAX)))
                return error_set(error, -EINVAL, "%s: <lora:%.*s: its weight is not a number up to %g", field,
                                 (int)size, name, PROMPT_WEIGHT_MAX);
        if (prompt->n_loras == PROMPT_LORAS_MAX)
                return error_set(error, -EINVAL, "%s: more than %d adapters", field, PROMPT_LORAS_MAX);

        PromptLora *lora = &prompt->loras[prompt->n_loras++];
        memcpy(lora->name, name, size);
        lora->name[size] = '\0';
        lora->weight = value;
        return 0;
}

/* Takes <lora:…> out of the text, in place. */
static int take_loras(Prompt *prompt, const char *field, char *text, Error *error)
{
        for (char *at = text; (at = strstr(at, "<lora:"));) {
                char *name = at + strlen("<lora:"), *end = strchr(name, '>');
                if (!end)
                        break;
                size_t size = strcspn(name, ":>");
                int r = add_lora(prompt, field, name, size, name[size] == ':' ? name + size + 1 : NULL, error);
                if (r < 0)
                        return r;
                memmove(at, end + 1, strlen(end + 1) + 1);
        }
        return 0;
}

int prompt_parse(Prompt *ret, const char *field, const char *text, Error *error)
{
        _cleanup_(prompt_done) Prompt prompt = {};
        _cleanup_(parser_done) Parser parser = {};
        _cleanup_(freep) char *copy = strdup(text);

        int r = copy ? parser_init(&parser, strlen(text)) : -ENOMEM;
        if (r >= 0) {
                r = take_loras(&prompt, field, copy, error);
                if (r >= 0)
                        r = parse_runs(&parser, field, copy, error);
                if (r < 0)
                        return r;
                r = make_parts(&prompt, &parser);
        }
        if (r < 0)
                return error_set(error, r, "%s: out of memory", field);

        *ret = prompt;
        prompt = (Prompt) {};
        return 0;
}

void prompt_done(Prompt *prompt)
{
        for (size_t i = 0; i < prompt->n_parts; i++)
                free(prompt->parts[i].text);
        free(prompt->parts);
        *prompt = (Prompt) {};
}
