/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "client/verbs.h"

/* A function's name has no dash; these names are written with one. They are replaced only where they become text: what ##
 * joins is taken as it is. */
#define check_prompt check-prompt
#define NAME(function) TEXT(function)
#define TEXT(words) #words

const Verb verb_table[] = {
#define X(id, function, arguments, min_words, max_words, help) \
        [id] = { id, NAME(function), arguments, min_words, max_words, help, verb_##function },
        VERBS(X)
#undef X
};

const Verb *verb_find(const char *name)
{
        for (int i = 0; i < VERB_MAX; i++)
                if (streq(verb_table[i].name, name))
                        return verb_table + i;
        return NULL;
}
