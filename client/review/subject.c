/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <openssl/sha.h>
#include <pwd.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "client/batch.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/recorded.h"
#include "client/review/subject.h"

ExitCode subject_open(Client *c, Subject *subject)
{
        Error error = { 0 };

        int r = review_policy_read(&subject->policy, &error);
        return r < 0 ? client_fail_error(c, CODE_FAILED, &error, r) : recorded_open(c, &subject->records);
}

void subject_digest(const void *data, size_t size, char ret[static SUBJECT_SHA256_SIZE])
{
        unsigned char sha[SHA256_DIGEST_LENGTH];

        (void)SHA256(data, size, sha);
        for (size_t i = 0; i < sizeof(sha); i++)
                (void)snprintf(ret + 2 * i, 3, "%02x", sha[i]);
}

static ExitCode digest_file(Client *c, const char *path, char ret[static SUBJECT_SHA256_SIZE])
{
        _cleanup_(batch_file_done) BatchFile file = { .fd = -1 };

        ExitCode code = batch_file_read(c, path, &file);
        if (code == CODE_OK)
                subject_digest(file.data, file.size, ret);
        return code;
}

/* Takes the record. */
static ExitCode set_record(Client *c, Subject *subject, json_t *record)
{
        json_decref(subject->record);
        subject->record = record;
        subject->id = json_string_value(json_object_get(record, "id"));
        subject->path = subject->named ? subject->named : recorded_path(record);
        subject->sha256[0] = '\0';
        return subject->path ? digest_file(c, subject->path, subject->sha256) : CODE_OK;
}

static int collect_id(json_t *record, void *userdata)
{
        return json_array_append(userdata, json_object_get(record, "id")) < 0 ? -ENOMEM : 0;
}

ExitCode subject_words(Client *c, const Subject *subject, int first, const RecordsQuery *query, json_t *ret)
{
        Error error = { 0 };

        for (int i = first; i < c->options.n_words; i++)
                (void)json_array_append_new(ret, json_from_text(c->options.words[i]));
        if (c->options.n_words > first)
                return CODE_OK;
        int r = records_search(subject->records, query, collect_id, ret, &error);
        return r < 0 ? client_fail_error(c, CODE_FAILED, &error, r) : CODE_OK;
}

ExitCode subject_find(Client *c, Subject *subject, const char *word)
{
        json_t *record = NULL;

        ExitCode code = recorded_find(c, subject->records, word, &record);
        if (code != CODE_OK)
                return code;
        freep(&subject->named);
        subject->named = realpath(word, NULL);
        return set_record(c, subject, record);
}

ExitCode subject_refresh(Client *c, Subject *subject)
{
        json_t *record = NULL;
        Error error = { 0 };

        int r = records_get(subject->records, subject->id, &record, &error);
        return r < 0 ? recorded_fail(c, &error, r) : set_record(c, subject, record);
}

const char *subject_text(const Subject *subject, const char *key)
{
        return recorded_text(subject->record, key);
}

bool subject_is_checked(const Subject *subject, const char *what)
{
        return json_object_get(json_object_get(subject->record, "checked"), what);
}

void subject_lacks(const Subject *subject, const char *ret[SUBJECT_LACKS_MAX])
{
        size_t n = 0;

        if (subject->policy.require_alt_text && !*subject_text(subject, "alt"))
                ret[n++] = "alt-text";
        if (subject->policy.require_licence && !subject_is_checked(subject, "licence"))
                ret[n++] = "licence";
        if (subject->policy.require_legibility && !subject_is_checked(subject, "legibility"))
                ret[n++] = "legibility";
        ret[n] = NULL;
}

const char *subject_lack_text(const char *name)
{
        return streq(name, "alt-text") ? _("an alternative text (--alt-text)")
               : streq(name, "licence") ? _("somebody who has looked at its licence (--licence-checked)")
                                        : _("somebody who has looked at it small (--legibility-checked)");
}

/* --- changes --- */

/* Takes the changes. */
static ExitCode change(Client *c, Subject *subject, json_t *changes)
{
        Error error = { 0 };

        int r = changes ? records_change(subject->records, subject->id, changes, &error) : -ENOMEM;
        json_decref(changes);
        return r < 0 ? recorded_fail(c, &error, r) : subject_refresh(c, subject);
}

static const char *user_name(void)
{
        const struct passwd *user = getpwuid(geteuid());
        return user ? user->pw_name : "";
}

ExitCode subject_set_alt(Client *c, Subject *subject, const char *text)
{
        return change(c, subject, json_pack("{s:s}", "alt", text));
}

ExitCode subject_check(Client *c, Subject *subject, const char *what)
{
        return change(c, subject, json_pack("{s:{s:{s:s, s:I}}}", "checked", what, "who", user_name(), "time",
                                            (json_int_t)clock_usec(CLOCK_REALTIME)));
}

/* Whether it may be approved; notes as what. */
static ExitCode prepare_approval(Client *c, Subject *subject)
{
        const char *lacks[SUBJECT_LACKS_MAX];

        subject_lacks(subject, lacks);
        if (lacks[0])
                return client_fail(c, CODE_FAILED, _("%s cannot be approved: it lacks %s"), subject->id,
                                   subject_lack_text(lacks[0]));
        if (!subject->path)
                return client_fail(c, CODE_FAILED, _("%s cannot be approved: none of its files is there"), subject->id);
        return change(c, subject, json_pack("{s:s}", "approved_sha256", subject->sha256));
}

ExitCode subject_comment(Client *c, Subject *subject, const char *text, const char *state)
{
        Error error = { 0 };

        ExitCode code = state && streq(state, "approved") ? prepare_approval(c, subject) : CODE_OK;
        if (code != CODE_OK)
                return code;
        int r = records_comment(subject->records, subject->id, user_name(), text, state, &error);
        return r < 0 ? recorded_fail(c, &error, r) : subject_refresh(c, subject);
}

void subject_done(Subject *subject)
{
        json_decref(subject->record);
        free(subject->named);
        records_closep(&subject->records);
        *subject = (Subject) { 0 };
}
