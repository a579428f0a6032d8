/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The curated vocabulary: for each field phrases that fit each other, and what instructions like "warmer" do to them. It is
 * data (vocabulary.conf, whose head says what stands in it); a second file adds to the first. */

#include <stdint.h>

#include "prompts/fields.h"
#include "prompts/settings.h"

#define VOCABULARY_FILES_MAX 8
#define FACTS_MAX 32

/* Along what phrases can be compared; a phrase stands somewhere from -9 to 9 on some of them. */
#define PROMPT_AXES(X) X(WARM, "warm") X(NEAR, "near") X(BRIGHT, "bright") X(CALM, "calm") X(DETAIL, "detail") X(HIGH, "high")

typedef enum Axis {
#define X(id, name) AXIS_##id,
        PROMPT_AXES(X)
#undef X
        AXIS_MAX,
} Axis;

typedef struct Phrase {
        const char *say;
        const config_setting_t *also; /* other words for it, or NULL */
        const config_setting_t *words; /* of ideas that it suits best, or NULL */
        const char *model; /* how captions say it, or NULL */
        uint32_t is, needs, excludes; /* bits of facts */
        unsigned axes; /* bits of those on which it has a place */
        int place[AXIS_MAX];
} Phrase;

/* Whether one says what the other rules out. */
static inline bool phrases_contradict(const Phrase *a, const Phrase *b)
{
        return a->is & b->excludes || a->excludes & b->is;
}

typedef struct Fact {
        const char *name;
        const config_setting_t *words; /* that say so in an idea, or NULL */
} Fact;

typedef struct Instruction {
        const config_setting_t *words;
        Axis axis;
        int by;
} Instruction;

typedef struct Vocabulary {
        config_t files[VOCABULARY_FILES_MAX]; /* all texts are theirs */
        size_t n_files;
        Phrase *phrases[FIELD_MAX];
        size_t n_phrases[FIELD_MAX];
        Fact facts[FACTS_MAX];
        size_t n_facts;
        Instruction *instructions;
        size_t n_instructions;
} Vocabulary;

/* Adds what a file says, as far as it is right. 0, or -ENOMEM. */
int vocabulary_add(Vocabulary *vocabulary, const char *path, const char *text, Faults *faults);
void vocabulary_done(Vocabulary *vocabulary);

/* The phrase of that field whose words begin at a word, the longest one; *ret_n: how many words those are. NULL: none. */
const Phrase *vocabulary_find(
                const Vocabulary *vocabulary, PromptField field, const WordList *words, size_t at, size_t *ret_n);

/* Likewise of whichever field has the longest one, but for those of subject and negative prompt. */
const Phrase *vocabulary_find_any(const Vocabulary *vocabulary, const WordList *words, size_t at, PromptField *ret_field, size_t *ret_n);

/* The phrase that is all of this text; NULL: none is. */
const Phrase *vocabulary_phrase(const Vocabulary *vocabulary, PromptField field, const char *text);

/* Facts that the words of an idea tell. */
uint32_t vocabulary_facts(const Vocabulary *vocabulary, const WordList *words);

/* Of the texts that begin at a word the one of most words, and how many these are, 0: none begins there. texts may be NULL. */
size_t vocabulary_match(const config_setting_t *texts, const WordList *words, size_t at);
size_t vocabulary_match_plural(const config_setting_t *texts, const WordList *words, size_t at);
