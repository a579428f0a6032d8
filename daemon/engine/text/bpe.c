/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "base/util.h"
#include "engine/text/bpe.h"

#define END_MARK "</w>"
#define SYMBOL_MAX 1024 /* bytes of one in merges.txt */
/* transformers reads no more than CLIP has: 49152 entries less bytes, marked bytes and the two marks. */
#define MERGES_MAX 48894

typedef struct Merge {
        uint64_t pair; /* left id << 32 | right id */
        uint32_t rank, product;
} Merge;

struct Bpe {
        uint32_t bytes[256], last_bytes[256]; /* ids of a byte within a word and at its end */
        Merge *merges; /* sorted by pair */
        size_t n_merges;
};

/* GPT-2's printable characters for bytes: printable Latin-1 is itself, the others follow from U+0100 on. */
static void byte_to_symbol(unsigned byte, unsigned *others, char ret[static 16])
{
        bool plain = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
        unsigned c = plain ? byte : 256 + (*others)++;

        if (c < 0x80)
                (void)snprintf(ret, 16, "%c", (char)c);
        else
                (void)snprintf(ret, 16, "%c%c", (char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f)));
}

static void find_bytes(Bpe *bpe, VocabLookup lookup, const void *vocab, uint32_t unknown)
{
        unsigned others = 0;

        for (unsigned byte = 0; byte < 256; byte++) {
                char symbol[16 + sizeof(END_MARK)];
                byte_to_symbol(byte, &others, symbol);
                int64_t id = lookup(vocab, symbol);
                bpe->bytes[byte] = id >= 0 ? (uint32_t)id : unknown;
                strcat(symbol, END_MARK);
                id = lookup(vocab, symbol);
                bpe->last_bytes[byte] = id >= 0 ? (uint32_t)id : unknown;
        }
}

/* Takes a run of anything but white space off the line; false if there is none or it is too long. */
static bool take_symbol(const char **line, const char *end, char ret[static SYMBOL_MAX])
{
        const char *p = *line;
        size_t n = 0;

        while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
                p++;
        while (p < end && *p != ' ' && *p != '\t' && *p != '\r' && *p != '\0') {
                if (n == SYMBOL_MAX - 1)
                        return false;
                ret[n++] = *p++;
        }
        ret[n] = '\0';
        *line = p;
        return n > 0;
}

static int read_merge(const char *line, const char *end, VocabLookup lookup, const void *vocab, Merge *ret,
                      const char **ret_why)
{
        char left[SYMBOL_MAX], right[SYMBOL_MAX], product[2 * SYMBOL_MAX];

        *ret_why = "not a pair of symbols";
        if (!take_symbol(&line, end, left) || !take_symbol(&line, end, right) ||
            take_symbol(&line, end, product))
                return -EBADMSG;
        (void)snprintf(product, sizeof(product), "%s%s", left, right);

        int64_t a = lookup(vocab, left), b = lookup(vocab, right), c = lookup(vocab, product);
        *ret_why = "a symbol that is not in vocab.json";
        if (a < 0 || b < 0 || c < 0)
                return -EBADMSG;
        *ret = (Merge) { .pair = (uint64_t)a << 32 | (uint64_t)b, .product = (uint32_t)c };
        return 0;
}

static int compare_merges(const void *a, const void *b)
{
        const Merge *x = a, *y = b;

        if (x->pair != y->pair)
                return x->pair < y->pair ? -1 : 1;
        return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static int read_merges(Bpe *bpe, const char *text, size_t size, const char *name, VocabLookup lookup,
                       const void *vocab, Error *error)
{
        const char *end = text + size;
        uint32_t number = 0;

        for (const char *line = text; line < end && bpe->n_merges < MERGES_MAX;) {
                const char *newline = memchr(line, '\n', (size_t)(end - line));
                const char *line_end = newline ? newline : end;

                if (++number > 1 && line_end > line) { /* the first line says which version */
                        const char *why;
                        Merge *merge = &bpe->merges[bpe->n_merges];
                        int r = read_merge(line, line_end, lookup, vocab, merge, &why);
                        if (r < 0)
                                return error_set(error, r, "%s: line %u: %s", name, number, why);
                        merge->rank = (uint32_t)bpe->n_merges++;
                }
                line = line_end + 1;
        }
        qsort(bpe->merges, bpe->n_merges, sizeof(Merge), compare_merges);
        return 0;
}

int bpe_new(Bpe **ret, const char *merges, size_t size, const char *name, VocabLookup lookup,
            const void *vocab, uint32_t unknown, Error *error)
{
        _cleanup_(bpe_freep) Bpe *bpe = calloc(1, sizeof(*bpe));
        if (!bpe || !(bpe->merges = calloc(MERGES_MAX, sizeof(Merge))))
                return error_set(error, -ENOMEM, "%s: out of memory", name);

        find_bytes(bpe, lookup, vocab, unknown);
        int r = read_merges(bpe, merges, size, name, lookup, vocab, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(bpe);
        return 0;
}

Bpe *bpe_free(Bpe *bpe)
{
        if (!bpe)
                return NULL;
        free(bpe->merges);
        free(bpe);
        return NULL;
}

static const Merge *find_merge(const Bpe *bpe, uint32_t left, uint32_t right)
{
        uint64_t pair = (uint64_t)left << 32 | right;
        size_t low = 0, high = bpe->n_merges;

        while (low < high) { /* a pair that stands there twice is found by its first rank */
                size_t middle = low + (high - low) / 2;
                if (bpe->merges[middle].pair < pair)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < bpe->n_merges && bpe->merges[low].pair == pair ? &bpe->merges[low] : NULL;
}

/* The symbols of a word as a list in an array, and the merges that are possible in a heap: the lowest rank
 * first, from left to right. A merge whose symbols have changed since is stale. */
typedef struct Symbol {
        uint32_t id;
        int32_t previous, next; /* -1: none */
} Symbol;

typedef struct Candidate {
        const Merge *merge;
        int32_t left;
} Candidate;

typedef struct Word {
        const Bpe *bpe;
        Symbol *symbols;
        Candidate *heap;
        size_t heap_size;
} Word;

static bool before(const Candidate *a, const Candidate *b)
{
        return a->merge->rank != b->merge->rank ? a->merge->rank < b->merge->rank : a->left < b->left;
}

static void swap(Candidate *a, Candidate *b)
{
        Candidate c = *a;
        *a = *b;
        *b = c;
}

static void push(Word *word, int32_t left)
{
        if (left < 0 || word->symbols[left].next < 0)
                return;
        const Merge *merge = find_merge(word->bpe, word->symbols[left].id,
                                        word->symbols[word->symbols[left].next].id);
        if (!merge)
                return;

        Candidate *heap = word->heap;
        size_t i = word->heap_size++;
        heap[i] = (Candidate) { merge, left };
        for (; i > 0 && before(&heap[i], &heap[(i - 1) / 2]); i = (i - 1) / 2)
                swap(&heap[i], &heap[(i - 1) / 2]);
}

static Candidate pop(Word *word)
{
        Candidate *heap = word->heap, top = heap[0];

        heap[0] = heap[--word->heap_size];
        for (size_t i = 0;;) {
                size_t child = 2 * i + 1;
                if (child + 1 < word->heap_size && before(&heap[child + 1], &heap[child]))
                        child++;
                if (child >= word->heap_size || !before(&heap[child], &heap[i]))
                        return top;
                swap(&heap[i], &heap[child]);
                i = child;
        }
}

static bool is_stale(const Word *word, const Candidate *c)
{
        const Symbol *left = &word->symbols[c->left];

        return left->next < 0 || c->merge->pair != ((uint64_t)left->id << 32 | word->symbols[left->next].id);
}

static void merge_at(Word *word, const Candidate *c)
{
        Symbol *left = &word->symbols[c->left], *right = &word->symbols[left->next];

        left->id = c->merge->product;
        left->next = right->next;
        if (right->next >= 0)
                word->symbols[right->next].previous = c->left;
        right->next = -1; /* whatever still waits for it is stale */
        push(word, left->previous);
        push(word, c->left);
}

int64_t bpe_encode(const Bpe *bpe, const char *text, size_t size, uint32_t *ret_ids)
{
        if (size == 0 || size > INT32_MAX / 4)
                return size == 0 ? 0 : -ENOMEM;

        _cleanup_(freep) Symbol *symbols = calloc(size, sizeof(*symbols));
        _cleanup_(freep) Candidate *heap = calloc(size * 3, sizeof(*heap)); /* each merge adds at most two */
        if (!symbols || !heap)
                return -ENOMEM;

        Word word = { .bpe = bpe, .symbols = symbols, .heap = heap };
        for (size_t i = 0; i < size; i++) {
                uint8_t byte = (uint8_t)text[i];
                symbols[i] = (Symbol) {
                        .id = i + 1 < size ? bpe->bytes[byte] : bpe->last_bytes[byte],
                        .previous = (int32_t)i - 1,
                        .next = i + 1 < size ? (int32_t)i + 1 : -1,
                };
        }
        for (size_t i = 0; i < size; i++)
                push(&word, (int32_t)i);
        while (word.heap_size > 0) {
                Candidate c = pop(&word);
                if (!is_stale(&word, &c))
                        merge_at(&word, &c);
        }

        int64_t n = 0;
        for (int32_t i = 0; i >= 0; i = symbols[i].next)
                ret_ids[n++] = symbols[i].id;
        return n;
}
