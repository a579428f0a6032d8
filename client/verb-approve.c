/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* approve, reject and retire: what becomes of pictures in the records. */

#include "base/util.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/review/subject.h"

/* What the options say of the picture, before it gets its state. */
static ExitCode apply_options(Client *c, Subject *subject)
{
        const Options *o = &c->options;
        ExitCode code = CODE_OK;

        if (o->alt_text)
                code = subject_set_alt(c, subject, o->alt_text);
        if (code == CODE_OK && o->licence_checked)
                code = subject_check(c, subject, "licence");
        if (code == CODE_OK && o->legibility_checked)
                code = subject_check(c, subject, "legibility");
        return code;
}

static ExitCode set_states(Client *c, const char *state)
{
        _cleanup_(subject_done) Subject subject = { 0 };
        json_t *pictures = json_array();
        ExitCode worst = subject_open(c, &subject);

        for (int i = 0; subject.records && i < c->options.n_words; i++) {
                ExitCode code = subject_find(c, &subject, c->options.words[i]);
                if (code == CODE_OK)
                        code = apply_options(c, &subject);
                if (code == CODE_OK)
                        code = subject_comment(c, &subject, c->options.comment ? c->options.comment : "", state);
                if (code == CODE_OK) {
                        client_say(c, "%s: %s", subject.id, state);
                        (void)json_array_append_new(pictures, json_pack("{s:s, s:s}", "id", subject.id, "state", state));
                }
                worst = code != CODE_OK ? code : worst;
        }
        c->result = json_pack("{s:o}", "pictures", pictures);
        return worst;
}

ExitCode verb_approve(Client *c)
{
        return set_states(c, "approved");
}

ExitCode verb_reject(Client *c)
{
        return set_states(c, "rejected");
}

ExitCode verb_retire(Client *c)
{
        return set_states(c, "retired");
}
