/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A walk through drafts: each is shown, and what becomes of it is asked for, a line at a time. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/review/look.h"
#include "client/terminal/preview.h"

#define DRAFTS_MAX 1000

typedef enum Step {
        STEP_STAY, /* at this picture */
        STEP_ON,
        STEP_END,
} Step;

/* A line, without its end; NULL at the end of the input. To be freed. */
static char *read_line(Client *c, const char *question)
{
        size_t room = 0;
        char *line = NULL;

        preview_forget(c->preview);
        (void)printf("%s", question);
        (void)fflush(stdout);
        if (getline(&line, &room, stdin) < 0) {
                free(line);
                return NULL;
        }
        line[strcspn(line, "\n")] = '\0';
        return line;
}

/* An empty line takes what is proposed. */
static ExitCode ask_alt(Client *c, Subject *subject, const Look *look)
{
        const bool is_proposed = look->alt && !*subject_text(subject, "alt");
        _cleanup_(freep) char *text = read_line(c, is_proposed ? _("alternative text, or Enter for the proposed one: ") : _("alternative text: "));

        if (!text || (!*text && !is_proposed))
                return CODE_OK;
        return subject_set_alt(c, subject, *text ? text : look->alt);
}

static ExitCode ask_comment(Client *c, Subject *subject)
{
        _cleanup_(freep) char *text = read_line(c, _("comment: "));
        return text && *text ? subject_comment(c, subject, text, NULL) : CODE_OK;
}

/* What a letter does. What fails is told, and the picture stays. */
static Step act(Client *c, Subject *subject, const Look *look, char letter)
{
        ExitCode code;

        switch (letter) {
        case 'a':
                code = subject_comment(c, subject, "", "approved");
                return code == CODE_OK ? STEP_ON : STEP_STAY;
        case 'r':
                code = subject_comment(c, subject, "", "rejected");
                return code == CODE_OK ? STEP_ON : STEP_STAY;
        case 't':
                (void)ask_alt(c, subject, look);
                return STEP_STAY;
        case 'c':
                (void)ask_comment(c, subject);
                return STEP_STAY;
        case 'l':
                (void)subject_check(c, subject, "licence");
                return STEP_STAY;
        case 'g':
                (void)subject_check(c, subject, "legibility");
                return STEP_STAY;
        case 's':
                return STEP_ON;
        case 'q':
                return STEP_END;
        default:
                return STEP_STAY;
        }
}

static Step review(Client *c, Subject *subject)
{
        _cleanup_(look_done) Look look = { 0 };
        Step step = STEP_STAY;

        look_take(c, subject, &look);
        look_show(c, &look);
        while (step == STEP_STAY) {
                look_print(subject, &look);
                _cleanup_(freep) char *line = read_line(
                                c, _("[a]pprove, [r]eject, alternative [t]ext, [c]omment, [l]icence checked, le[g]ible, [s]kip, [q]uit: "));
                step = line ? act(c, subject, &look, line[0]) : STEP_END;
        }
        return step;
}

static ExitCode review_all(Client *c, Subject *subject, const json_t *words)
{
        ExitCode worst = CODE_OK;
        Step step = STEP_ON;

        for (size_t i = 0; i < json_array_size(words) && step != STEP_END; i++) {
                ExitCode code = subject_find(c, subject, json_string_value(json_array_get(words, i)));
                if (code == CODE_OK)
                        step = review(c, subject);
                worst = code != CODE_OK ? code : worst;
        }
        return worst;
}

static void append_look(Client *c, const Subject *subject, json_t *pictures)
{
        _cleanup_(look_done) Look look = { 0 };

        look_take(c, subject, &look);
        (void)json_array_append_new(pictures, look_to_json(subject, &look));
}

/* For programs: nothing is asked. */
static ExitCode list_all(Client *c, Subject *subject, const json_t *words)
{
        json_t *pictures = json_array();
        ExitCode worst = CODE_OK;

        for (size_t i = 0; i < json_array_size(words); i++) {
                ExitCode code = subject_find(c, subject, json_string_value(json_array_get(words, i)));
                if (code == CODE_OK)
                        append_look(c, subject, pictures);
                worst = code != CODE_OK ? code : worst;
        }
        c->result = json_pack("{s:o}", "pictures", pictures);
        return worst;
}

ExitCode verb_review(Client *c)
{
        _cleanup_(subject_done) Subject subject = { 0 };
        json_t *words = json_array();

        ExitCode code = subject_open(c, &subject);
        if (code == CODE_OK)
                code = subject_words(c, &subject, 0, &(RecordsQuery) { .state = "draft", .limit = DRAFTS_MAX }, words);
        if (code == CODE_OK && json_array_size(words) == 0)
                client_say(c, _("There is no draft to review"));
        if (code == CODE_OK)
                code = c->options.json ? list_all(c, &subject, words) : review_all(c, &subject, words);
        json_decref(words);
        return code;
}
