/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures into a folder that others use without the service: review/manifest.h. */

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "client/batch.h"
#include "client/files.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/names.h"
#include "client/review/manifest.h"
#include "client/review/rights.h"
#include "client/review/stamp.h"

#define PICTURES_MAX 100000
#define EXTENSION_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* --- one picture's entry --- */

/* Who approved it, and when. */
static json_t *approval_of(const Subject *subject)
{
        const json_t *comments = json_object_get(subject->record, "comments");

        for (size_t i = json_array_size(comments); i-- > 0;) {
                const json_t *comment = json_array_get(comments, i);
                const char *state = json_string_value(json_object_get(comment, "state"));
                const time_t seconds = (time_t)(json_integer_value(json_object_get(comment, "time")) / 1000000);
                char when[32] = "";
                struct tm tm;
                if (!state || !streq(state, "approved"))
                        continue;
                if (gmtime_r(&seconds, &tm))
                        (void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
                return json_pack("{s:O, s:s}", "who", json_object_get(comment, "who"), "time", when);
        }
        return NULL;
}

static json_t *text_or_null(const char *text)
{
        return text && *text ? json_from_text(text) : NULL;
}

static json_t *entry_of(const Subject *subject, const Rights *rights, const char *file, const char *sha256)
{
        const char *credit = rights->credit ? rights->credit : subject_text(subject, "model");

        return json_pack("{s:s, s:s, s:s, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*}", "id", subject->id, "file", file,
                         "sha256", sha256, "alt", text_or_null(subject_text(subject, "alt")), "licence",
                         text_or_null(rights->licence), "licence_address", text_or_null(rights->address), "credit",
                         rights->needs_credit ? text_or_null(credit) : NULL, "commercial",
                         rights->is_commercial_refused ? json_false() : NULL, "model", text_or_null(subject_text(subject, "model")),
                         "provider", text_or_null(subject_text(subject, "provider")), "version_of",
                         text_or_null(subject_text(subject, "parent")), "approved", approval_of(subject));
}

/* --- one picture --- */

/* Refuses what the policy refuses, and what is not what was approved. */
static ExitCode check_state(Client *c, const Subject *subject)
{
        const char *approved = subject_text(subject, "approved_sha256");
        const bool is_approved = streq(subject_text(subject, "state"), "approved");

        if (!subject->path)
                return client_fail(c, CODE_FAILED, _("%s: none of its files is there"), subject->id);
        if (!is_approved && subject->policy.approved_only)
                return client_fail(c, CODE_FAILED, _("%s is not approved"), subject->id);
        if (is_approved && !streq(approved, subject->sha256))
                return client_fail_named(c, CODE_FAILED, NULL, _("'imagine revise ID FILE' files it as a new version."),
                                         _("%s was changed after it had been approved"), subject->path);
        if (!is_approved)
                client_warn(c, _("%s is not approved"), subject->id);
        return CODE_OK;
}

static void warn_of_rights(const Client *c, const Subject *subject, const Rights *rights)
{
        if (!rights->licence && !rights->address)
                client_warn(c, _("%s: nothing is known of what it may be used for"), subject->id);
        if (rights->is_commercial_refused)
                client_warn(c, _("%s: not for commercial use, as far as is known"), subject->id);
        if (rights->needs_credit)
                client_warn(c, _("%s: its source has to be named; the manifest says how"), subject->id);
}

/* Whether we could have given it: it goes into a folder that others look into, and the record may be a stranger's. */
static bool is_own_name(const char *name, const char *id)
{
        for (const char *p = name; *p; p++)
                if ((unsigned char)*p < ' ' || *p == '/' || *p == 0x7f)
                        return false;
        return name[0] != '.' && strstr(name, id);
}

/* ".png", or nothing where a name ends otherwise. */
static const char *extension_of(const char *path)
{
        const char *dot = strrchr(path, '.');
        return dot && strspn(dot + 1, EXTENSION_LETTERS) == strlen(dot + 1) ? dot : "";
}

/* The same as ever, once it has one; from the alternative text, for prompts are private. */
static char *name_of(Subject *subject, Error *error)
{
        const char *known = subject_text(subject, "export_name"), *alt = subject_text(subject, "alt");
        char *made;

        if (is_own_name(known, subject->id))
                return strdup(known);
        _cleanup_(freep) char *words = name_from_prompt(alt);
        if (!words || asprintf(&made, "%s-%s%s", words, subject->id, extension_of(subject->path)) < 0)
                return NULL;
        _cleanup_(freep) char *name = made;
        json_t *changes = json_pack("{s:s}", "export_name", name);
        int r = changes ? records_change(subject->records, subject->id, changes, error) : -ENOMEM;
        json_decref(changes);
        return r < 0 ? NULL : TAKE_PTR(name);
}

/* With the marks that the record says now. */
static ExitCode copy(Client *c, const Subject *subject, const Rights *rights, const char *to, char ret_sha256[static SUBJECT_SHA256_SIZE])
{
        _cleanup_(batch_file_done) BatchFile file = { .fd = -1 };
        _cleanup_(freep) uint8_t *data = NULL;
        size_t size = 0;

        ExitCode code = batch_file_read(c, subject->path, &file);
        if (code != CODE_OK)
                return code;
        int r = stamp_file(&file, subject, rights, &data, &size);
        if (r == -EMEDIUMTYPE)
                return client_fail(c, CODE_FAILED, _("%s is neither PNG nor JPEG nor WebP"), subject->path);
        if (r >= 0)
                r = file_replace(to, data, size);
        if (r < 0)
                return client_fail(c, CODE_FAILED, _("cannot write %s: %s"), to, strerror(-r));
        subject_digest(data, size, ret_sha256);
        return CODE_OK;
}

static ExitCode export(Client *c, Subject *subject, Manifest *manifest)
{
        const Rights rights = rights_of(subject->record);
        char sha256[SUBJECT_SHA256_SIZE];
        Error error = { 0 };

        ExitCode code = check_state(c, subject);
        if (code != CODE_OK)
                return code;
        _cleanup_(freep) char *name = name_of(subject, &error);
        _cleanup_(freep) char *path = name ? manifest_path(manifest, name) : NULL;
        if (!path)
                return client_fail_error(c, CODE_FAILED, &error, -ENOMEM);
        warn_of_rights(c, subject, &rights);
        code = copy(c, subject, &rights, path, sha256);
        if (code != CODE_OK)
                return code;
        if (manifest_put(manifest, entry_of(subject, &rights, name, sha256)) < 0)
                return client_fail(c, CODE_FAILED, _("out of memory"));
        if (!c->options.json)
                (void)puts(path);
        return CODE_OK;
}

/* --- all of them --- */

/* What is in the folder and not to be there any more: rejected, retired, or not approved where the policy wants that. */
static void clean(Client *c, Subject *subject, Manifest *manifest)
{
        for (size_t i = json_array_size(manifest->pictures); i-- > 0;) {
                const char *id = json_string_value(json_object_get(json_array_get(manifest->pictures, i), "id"));
                json_t *record = NULL;

                if (!id || records_get(subject->records, id, &record, NULL) < 0)
                        continue; /* forgotten: the folder is all that there is of it */
                const char *state = json_string_value(json_object_get(record, "state"));
                if (streq(state, "rejected") || streq(state, "retired") ||
                    (subject->policy.approved_only && !streq(state, "approved"))) {
                        client_say(c, _("%s is taken out: %s"), id, state);
                        (void)manifest_remove(manifest, id);
                }
                json_decref(record);
        }
}

static ExitCode export_all(Client *c, Subject *subject, Manifest *manifest, const json_t *words)
{
        ExitCode worst = CODE_OK;

        for (size_t i = 0; i < json_array_size(words); i++) {
                ExitCode code = subject_find(c, subject, json_string_value(json_array_get(words, i)));
                if (code == CODE_OK)
                        code = export(c, subject, manifest);
                worst = code != CODE_OK ? code : worst;
        }
        if (c->options.n_words == 1)
                clean(c, subject, manifest);
        ExitCode code = manifest_save(c, manifest);
        client_say(c, _("What is said of licences is information and no legal advice."));
        c->result = json_deep_copy(manifest->root);
        return code != CODE_OK ? code : worst;
}

ExitCode verb_export(Client *c)
{
        _cleanup_(subject_done) Subject subject = { 0 };
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        json_t *words = json_array();

        ExitCode code = subject_open(c, &subject);
        if (code == CODE_OK)
                code = subject_words(c, &subject, 1, &(RecordsQuery) { .state = "approved", .limit = PICTURES_MAX }, words);
        if (code == CODE_OK)
                code = manifest_open(c, c->options.words[0], &manifest);
        if (code == CODE_OK)
                code = export_all(c, &subject, &manifest, words);
        json_decref(words);
        return code;
}
