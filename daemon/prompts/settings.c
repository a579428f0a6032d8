/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "prompts/settings.h"

#define FAULTS_MAX 100 /* that are told */

void faults_add(Faults *faults, const char *path, unsigned line, const char *format, ...)
{
        char what[ERROR_TEXT_MAX];
        va_list ap;

        if (faults->n++ >= FAULTS_MAX)
                return;
        va_start(ap, format);
        (void)vsnprintf(what, sizeof(what), format, ap);
        va_end(ap);
        utf8_sanitize(what);
        text_format(&faults->text, line ? "%s:%u: %s\n" : "%s:%.0u %s\n", path, line, what);
}

void faults_done(Faults *faults)
{
        text_done(&faults->text);
}

int faults_to_error(const Faults *faults, Error *error)
{
        if (faults->n == 0)
                return 0;
        const char *text = faults->text.s ? faults->text.s : "out of memory\n";
        return error_set(error, -EINVAL, "%.*s", (int)strcspn(text, "\n"), text);
}

/* The library would open what an @include names. */
static const char *find_include(const char *text)
{
        for (const char *line = text;;) {
                const char *p = line + strspn(line, " \t\r\f\v"), *end = strchr(line, '\n');
                if (strncmp(p, "@include", 8) == 0)
                        return p;
                if (!end)
                        return NULL;
                line = end + 1;
        }
}

static unsigned line_of(const char *text, const char *at)
{
        unsigned line = 1;

        for (; text < at; text++)
                line += *text == '\n';
        return line;
}

bool settings_parse(config_t *file, const char *path, const char *text, Faults *faults)
{
        const char *include = find_include(text);

        if (include) {
                faults_add(faults, path, line_of(text, include), "@include is not followed here");
                return false;
        }
        if (!config_read_string(file, text)) {
                faults_add(faults, path, (unsigned)config_error_line(file), "%s", config_error_text(file));
                return false;
        }
        return true;
}

static bool is_plain(const char *text)
{
        for (const char *p = text; *p; p++)
                if ((unsigned char)*p < ' ' || *p == 0x7f)
                        return false;
        return utf8_is_valid(text, strlen(text));
}

static bool check_text(
                const config_setting_t *setting, const char *path, const char *text, size_t max, Faults *faults)
{
        const char *name = config_setting_name(setting), *why = NULL;

        if (!text)
                why = "must be a text in quotes";
        else if (strlen(text) > max)
                why = "is too long";
        else if (!is_plain(text))
                why = "must be UTF-8 in one line";
        if (why)
                faults_add(faults, path, config_setting_source_line(setting), "%s %s", name ? name : "an element", why);
        return !why;
}

const char *settings_text(const config_setting_t *setting, const char *path, size_t max, Faults *faults)
{
        const char *text = config_setting_get_string(setting);
        return check_text(setting, path, text, max, faults) ? text : NULL;
}

bool settings_check_texts(const config_setting_t *setting, const char *path, size_t max, int n_max, Faults *faults)
{
        const int n = config_setting_length(setting);

        if ((!config_setting_is_array(setting) && !config_setting_is_list(setting)) || n > n_max) {
                faults_add(faults, path, config_setting_source_line(setting), "%s must be at most %d texts in brackets",
                           config_setting_name(setting), n_max);
                return false;
        }
        for (int i = 0; i < n; i++)
                if (!check_text(setting, path, config_setting_get_string_elem(setting, i), max, faults))
                        return false;
        return true;
}

void settings_unknown(const config_setting_t *setting, const char *path, Faults *faults)
{
        const char *name = config_setting_name(setting);

        faults_add(faults, path, config_setting_source_line(setting), "%s is no key that can stand here", name ? name : "?");
}
