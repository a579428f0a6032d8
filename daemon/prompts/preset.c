/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "prompts/preset.h"

#define LINE_BYTES_MAX 200

static const struct {
        const char *name, *folder;
} kinds[PRESET_MAX] = {
#define X(id, name, folder) [PRESET_##id] = { name, folder },
        PRESET_KINDS(X)
#undef X
};

const char *preset_kind_name(PresetKind kind)
{
        return kinds[kind].name;
}

const char *preset_kind_folder(PresetKind kind)
{
        return kinds[kind].folder;
}

bool preset_name_is_valid(const char *name)
{
        size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
        return n > 0 && n <= PRESET_NAME_MAX && name[n] == '\0' && name[0] != '.';
}

bool preset_each_placeholder(
                const char *text, bool (*use)(const char *name, size_t size, void *userdata), void *userdata, const char **ret_bad)
{
        for (const char *p = strchr(text, '{'); p; p = strchr(p, '{')) {
                size_t n = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz0123456789-");
                if (n == 0 || p[1 + n] != '}' || !use(p + 1, n, userdata)) {
                        *ret_bad = p;
                        return false;
                }
                p += n + 2;
        }
        return true;
}

/* --- keys --- */

/* 0, or -ENOMEM; what is no such text was told. */
static int set_text(char **field, const config_setting_t *setting, const char *path, Faults *faults)
{
        const char *text = settings_text(setting, path, LINE_BYTES_MAX, faults);
        char *copy = text ? strdup(text) : NULL;

        if (text && !copy)
                return -ENOMEM;
        free(*field);
        *field = copy;
        return 0;
}

static int read_seed(Preset *preset, const config_setting_t *setting, Faults *faults)
{
        const char *text = config_setting_get_string(setting);
        const int type = config_setting_type(setting);

        if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64) {
                long long n = config_setting_get_int64(setting);
                preset->seed_policy = SEED_FIXED;
                preset->seed = n < 0 ? 0 : (uint64_t)n;
                if (n >= 0)
                        return 0;
        } else if (text && (streq(text, "random") || streq(text, "idea"))) {
                preset->seed_policy = streq(text, "idea") ? SEED_OF_IDEA : SEED_RANDOM;
                return 0;
        }
        faults_add(faults, preset->path, config_setting_source_line(setting), "seed must be \"random\", \"idea\" or a number from 0 on");
        return 0;
}

static bool is_aspect(const char *text)
{
        char *end;
        unsigned long width = strtoul(text, &end, 10);
        if (text[0] < '1' || text[0] > '9' || *end != ':' || end[1] < '1' || end[1] > '9')
                return false;
        unsigned long height = strtoul(end + 1, &end, 10);
        return *end == '\0' && width <= 100 && height <= 100;
}

static int read_aspect(Preset *preset, const config_setting_t *setting, Faults *faults)
{
        int r = set_text(&preset->aspect, setting, preset->path, faults);

        if (preset->aspect && !is_aspect(preset->aspect))
                faults_add(faults, preset->path, config_setting_source_line(setting), "aspect must be a shape, as \"16:9\"");
        return r;
}

static int read_placeholder(Placeholder *ret, const config_setting_t *group, const char *path, Faults *faults)
{
        int r = 0;

        for (int i = 0; i < config_setting_length(group) && r >= 0; i++) {
                const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
                const char *name = config_setting_name(setting);
                if (streq(name, "default"))
                        r = set_text(&ret->fallback, setting, path, faults);
                else if (streq(name, "help"))
                        r = set_text(&ret->help, setting, path, faults);
                else
                        settings_unknown(setting, path, faults);
        }
        return r;
}

static int read_placeholders(Preset *preset, const config_setting_t *all, Faults *faults)
{
        int r = 0;

        if (!config_setting_is_group(all) || config_setting_length(all) > PLACEHOLDERS_MAX) {
                faults_add(faults, preset->path, config_setting_source_line(all), "fields must be at most %d groups: { name : { default = \"…\"; }; }",
                           PLACEHOLDERS_MAX);
                return 0;
        }
        for (int i = 0; i < config_setting_length(all) && r >= 0; i++) {
                const config_setting_t *group = config_setting_get_elem(all, (unsigned)i);
                const char *name = config_setting_name(group);
                if (!config_setting_is_group(group) || field_from_string(name) >= 0 || streq(name, "idea") ||
                    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(name)) {
                        faults_add(faults, preset->path, config_setting_source_line(group),
                                   "%s: a field of a template is a group, and its name small letters and none of a prompt's fields", name);
                        continue;
                }
                Placeholder *placeholder = &preset->placeholders[preset->n_placeholders++];
                placeholder->name = strdup(name);
                r = placeholder->name ? read_placeholder(placeholder, group, preset->path, faults) : -ENOMEM;
        }
        return r;
}

static int read_field(Preset *preset, PromptField field, const config_setting_t *setting, Faults *faults)
{
        const char *text = settings_text(setting, preset->path, FIELD_BYTES_MAX, faults);

        if (!text)
                return 0;
        preset->left_out |= *text ? 0 : 1U << field;
        return fields_set(&preset->fields, field, text, NULL);
}

static int read_key(Preset *preset, const config_setting_t *setting, Faults *faults)
{
        const char *name = config_setting_name(setting);
        int field = field_from_string(name);

        if (field >= 0 && (preset->kind == PRESET_TEMPLATE || field != FIELD_SUBJECT))
                return read_field(preset, (PromptField)field, setting, faults);
        if (streq(name, "title"))
                return set_text(&preset->title, setting, preset->path, faults);
        if (preset->kind == PRESET_TEMPLATE && streq(name, "fields"))
                return read_placeholders(preset, setting, faults);
        if (preset->kind == PRESET_PROFILE && streq(name, "seed"))
                return read_seed(preset, setting, faults);
        if (preset->kind == PRESET_PURPOSE && streq(name, "aspect"))
                return read_aspect(preset, setting, faults);
        settings_unknown(setting, preset->path, faults);
        return 0;
}

/* --- what holds for the whole --- */

static bool is_placeholder(const char *name, size_t size, void *userdata)
{
        const Preset *preset = userdata;

        if (size == strlen("idea") && memcmp(name, "idea", size) == 0)
                return true;
        for (size_t i = 0; i < preset->n_placeholders; i++)
                if (strlen(preset->placeholders[i].name) == size && memcmp(preset->placeholders[i].name, name, size) == 0)
                        return true;
        return false;
}

static void check_placeholders(Preset *preset, const config_setting_t *root, Faults *faults)
{
        for (int i = 0; i < FIELD_MAX; i++) {
                const char *bad;
                if (!preset->fields.text[i] || preset->kind != PRESET_TEMPLATE ||
                    preset_each_placeholder(preset->fields.text[i], is_placeholder, preset, &bad))
                        continue;
                const config_setting_t *setting = config_setting_get_member(root, field_to_string((PromptField)i));
                faults_add(faults, preset->path, setting ? config_setting_source_line(setting) : 0,
                           "%s: %.*s is none of the fields of this template", field_to_string((PromptField)i),
                           (int)(strcspn(bad, "}") + 1), bad);
        }
}

int preset_read(Preset *preset, const char *text, Faults *faults)
{
        config_t file;
        int r = 0;

        config_init(&file);
        if (settings_parse(&file, preset->path, text, faults)) {
                const config_setting_t *root = config_root_setting(&file);
                for (int i = 0; i < config_setting_length(root) && r >= 0; i++)
                        r = read_key(preset, config_setting_get_elem(root, (unsigned)i), faults);
                if (r >= 0 && !preset->title)
                        faults_add(faults, preset->path, 0, "a title is missing");
                if (r >= 0)
                        check_placeholders(preset, root, faults);
        }
        config_destroy(&file);
        return r;
}

void preset_done(Preset *preset)
{
        for (size_t i = 0; i < preset->n_placeholders; i++) {
                free(preset->placeholders[i].name);
                free(preset->placeholders[i].fallback);
                free(preset->placeholders[i].help);
        }
        free(preset->path);
        free(preset->title);
        free(preset->aspect);
        fields_done(&preset->fields);
        *preset = (Preset) {};
}
