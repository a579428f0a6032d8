/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "prompts/layers.h"
#include "prompts/notes.h"

#define GIVEN_MAX 32

/* --- reading --- */

static int read_preset(Preset *ret, const PromptFiles *files, PresetKind kind, const char *name, Error *error)
{
        Faults faults = {};

        int r = prompt_files_find(files, kind, name, ret, &faults);
        if (r == -ENOENT)
                (void)error_set(error, -EINVAL, "%s: there is none called %.64s", preset_kind_name(kind), name);
        else if (r == -ENOMEM)
                (void)error_set(error, -ENOMEM, "Out of memory");
        else
                r = faults_to_error(&faults, error);
        faults_done(&faults);
        return r == -ENOENT ? -EINVAL : r;
}

static const Placeholder *find_placeholder(const Preset *template, const char *name, size_t size)
{
        for (size_t i = 0; i < template->n_placeholders; i++)
                if (strlen(template->placeholders[i].name) == size && memcmp(template->placeholders[i].name, name, size) == 0)
                        return &template->placeholders[i];
        return NULL;
}

static bool is_one_line(const char *text)
{
        for (const char *p = text; *p; p++)
                if ((unsigned char)*p < ' ' || *p == 0x7f)
                        return false;
        return true;
}

static int read_given(Layers *layers, const json_t *given, Error *error)
{
        const char *name;
        json_t *value;

        if (given && (!json_is_object(given) || json_object_size(given) > GIVEN_MAX))
                return error_set(error, -EINVAL, "fields: not at most %d texts", GIVEN_MAX);
        json_object_foreach((json_t *)given, name, value) {
                int field = field_from_string(name);
                const char *text = json_string_value(value);
                if (!text || strlen(text) > FIELD_BYTES_MAX || !is_one_line(text))
                        return error_set(error, -EINVAL, "fields: %.64s is not a line of at most %d bytes", name, FIELD_BYTES_MAX);
                if (field < 0 && !find_placeholder(&layers->presets[PRESET_TEMPLATE], name, strlen(name)))
                        return error_set(error, -EINVAL, "fields: %.64s is neither a prompt's field nor one of the template", name);
                if (field < 0)
                        continue;
                layers->left_out |= *text ? 0 : 1U << field;
                int r = fields_set(&layers->given, (PromptField)field, text, error);
                if (r < 0)
                        return r;
        }
        layers->placeholders = given;
        return 0;
}

static const char *value_of(const Layers *layers, const Placeholder *placeholder)
{
        const char *given = json_string_value(json_object_get(layers->placeholders, placeholder->name));
        return given ? given : placeholder->fallback;
}

static int check_values(const Layers *layers, Error *error)
{
        const Preset *template = &layers->presets[PRESET_TEMPLATE];

        for (size_t i = 0; i < template->n_placeholders; i++) {
                const Placeholder *placeholder = &template->placeholders[i];
                if (!value_of(layers, placeholder))
                        return error_set(error, -EINVAL, "The template %s needs the field %s%s%s", template->name, placeholder->name,
                                         placeholder->help ? ": " : "", placeholder->help ? placeholder->help : "");
        }
        return 0;
}

int layers_read(Layers *ret, const PromptFiles *files, const json_t *request, Error *error)
{
        int r = 0;

        for (int kind = 0; kind < PRESET_MAX && r >= 0; kind++) {
                const char *name = json_string_value(json_object_get(request, preset_kind_name((PresetKind)kind)));
                if (!name || !*name)
                        continue;
                r = read_preset(&ret->presets[kind], files, (PresetKind)kind, name, error);
                ret->left_out |= ret->presets[kind].left_out;
        }
        if (r >= 0)
                r = read_given(ret, json_object_get(request, "fields"), error);
        return r < 0 ? r : check_values(ret, error);
}

void layers_done(Layers *layers)
{
        for (int kind = 0; kind < PRESET_MAX; kind++)
                preset_done(&layers->presets[kind]);
        fields_done(&layers->given);
}

/* --- applying --- */

/* A template's text with its fields filled in; NULL: memory is short. */
static char *filled(const Layers *layers, const char *text, const char *idea)
{
        const Preset *template = &layers->presets[PRESET_TEMPLATE];
        _cleanup_(text_done) Text out = {};

        for (const char *p = text; *p;) {
                size_t plain = strcspn(p, "{");
                text_add(&out, p, plain);
                p += plain;
                if (!*p)
                        break;
                size_t size = strcspn(p + 1, "}");
                const Placeholder *placeholder = find_placeholder(template, p + 1, size);
                text_put(&out, placeholder ? value_of(layers, placeholder) : idea);
                p += 1 + size + (p[1 + size] == '}');
        }
        return text_take(&out);
}

static bool adds_up(int field)
{
        return field == FIELD_CONSTRAINTS || field == FIELD_NEGATIVE;
}

static int apply(Fields *fields, int field, const char *text, bool is_weak, Error *error)
{
        if (!text || (is_weak && fields->text[field] && !adds_up(field)))
                return 0;
        if (!adds_up(field) || !fields->text[field])
                return fields_set(fields, (PromptField)field, text, error);
        return strstr(fields->text[field], text) ? 0 : fields_add(fields, (PromptField)field, ", ", text, error);
}

/* What somebody asked for and another has the word on. */
static void note_overruled(const char *was, int field, const char *text, const Preset *by, json_t *notes)
{
        if (was && text && field != FIELD_SUBJECT && !adds_up(field) && !streq(was, text))
                notes_add(notes, "overruled", was, text, "%s: the %s %s has it its own way, in place of \"%s\"", field_to_string((PromptField)field),
                          preset_kind_name(by->kind), by->name, was);
}

int layers_apply(const Layers *layers, const char *idea, Fields *fields, json_t *notes, Error *error)
{
        const Preset *template = &layers->presets[PRESET_TEMPLATE], *profile = &layers->presets[PRESET_PROFILE];
        _cleanup_(freep) char *subject = strdup(fields->text[FIELD_SUBJECT] ? fields->text[FIELD_SUBJECT] : idea);
        int r = subject ? 0 : error_set(error, -ENOMEM, "Out of memory");

        for (int field = 0; field < FIELD_MAX && r >= 0; field++) {
                _cleanup_(freep) char *said = template->fields.text[field] ? filled(layers, template->fields.text[field], subject) : NULL;
                if (template->fields.text[field] && !said)
                        return error_set(error, -ENOMEM, "Out of memory");
                r = apply(fields, field, layers->presets[PRESET_PURPOSE].fields.text[field], true, error);
                note_overruled(fields->text[field], field, said, template, notes);
                if (r >= 0)
                        r = apply(fields, field, said, false, error);
                note_overruled(fields->text[field], field, profile->fields.text[field], profile, notes);
                if (r >= 0)
                        r = apply(fields, field, profile->fields.text[field], false, error);
                if (r >= 0 && layers->given.text[field])
                        r = fields_set(fields, (PromptField)field, layers->given.text[field], error);
        }
        return r;
}
