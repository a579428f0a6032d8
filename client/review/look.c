/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/request.h"
#include "base/util.h"
#include "client/batch.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/record-text.h"
#include "client/review/alt.h"
#include "client/review/look.h"
#include "client/review/sheet.h"
#include "client/shrink.h"
#include "client/terminal/preview.h"

#define SIDE_MAX 8192

/* The pixels of a PNG. */
static int read_png(Client *c, const char *path, Pixels *ret)
{
        _cleanup_(batch_file_done) BatchFile file = { .fd = -1 };

        if (batch_file_read(c, path, &file) != CODE_OK)
                return -ENOENT;
        return pixels_from_png(&(Picture) { .data = file.data, .size = file.size }, SIDE_MAX, ret);
}

/* Those of what the engine reads; very large ones come smaller. */
static int read_other(const char *path, Pixels *ret)
{
        _cleanup_(closep) int input = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), png = -1;
        _cleanup_(picture_unmap) Picture picture = { 0 };

        int r = input < 0 ? -errno : shrink_to_png(input, REQUEST_SIZE_MAX, &png);
        if (r >= 0)
                r = picture_map(png, &picture, NULL);
        return r < 0 ? r : pixels_from_png(&picture, REQUEST_SIZE_MAX, ret);
}

void look_take(Client *c, const Subject *subject, Look *ret)
{
        *ret = (Look) { .alt = *subject_text(subject, "alt") ? NULL : alt_suggest(subject->record) };
        if (!subject->path || (read_png(c, subject->path, &ret->pixels) < 0 && read_other(subject->path, &ret->pixels) < 0))
                return;
        ret->is_measured = legibility_measure(&ret->pixels, &ret->legibility) >= 0;
}

void look_done(Look *look)
{
        pixels_done(&look->pixels);
        free(look->alt);
        *look = (Look) { 0 };
}

static void print_line(const char *label, const char *value)
{
        _cleanup_(freep) char *line = NULL;

        if (*value && asprintf(&line, "  %s: %s", label, value) >= 0)
                client_put_line(line);
}

static void print_comments(const Subject *subject)
{
        const json_t *comments = json_object_get(subject->record, "comments");

        for (size_t i = 0; i < json_array_size(comments); i++) {
                const json_t *comment = json_array_get(comments, i);
                const char *who = json_string_value(json_object_get(comment, "who")),
                           *text = json_string_value(json_object_get(comment, "text")),
                           *state = json_string_value(json_object_get(comment, "state"));
                char when[32];
                record_format_time(json_integer_value(json_object_get(comment, "time")), when, sizeof(when));
                _cleanup_(freep) char *line = NULL;
                if (asprintf(&line, "%s %s%s%s", when, state ? state : "", state && text && *text ? ": " : "", text ? text : "") >= 0)
                        print_line(who ? who : "", line);
        }
}

static void print_legibility(const Legibility *measured)
{
        const double least = MIN(measured->small[0], measured->small[1]);

        (void)printf(_("  contrast: %.0f of 100 in lightness; %.0f at 64 pixels, %.0f at 32%s\n"), measured->contrast,
                     measured->small[0], measured->small[1], least < LEGIBILITY_WEAK ? _(": weak") : "");
}

void look_print(const Subject *subject, const Look *look)
{
        const char *lacks[SUBJECT_LACKS_MAX];
        _cleanup_(freep) char *path = strdup(subject->path ? subject->path : _("(no file)"));

        if (path)
                client_clean_text(path);
        (void)printf("%s  %s  %s\n", subject->id, subject_text(subject, "state"), path ? path : "");
        print_line(_("prompt"), subject_text(subject, "prompt"));
        print_line(_("alternative text"), subject_text(subject, "alt"));
        if (look->alt && !*subject_text(subject, "alt"))
                print_line(_("alternative text, proposed"), look->alt);
        print_line(_("model"), subject_text(subject, "model"));
        print_line(_("provider"), subject_text(subject, "provider"));
        print_line(_("licence"), subject_text(subject, "license"));
        print_line(_("version of"), subject_text(subject, "parent"));
        if (look->is_measured)
                print_legibility(&look->legibility);
        print_comments(subject);
        subject_lacks(subject, lacks);
        for (size_t i = 0; lacks[i]; i++)
                (void)printf(_("  lacks %s\n"), subject_lack_text(lacks[i]));
}

json_t *look_to_json(const Subject *subject, const Look *look)
{
        json_t *object = json_deep_copy(subject->record), *missing = json_array();
        const char *lacks[SUBJECT_LACKS_MAX];

        subject_lacks(subject, lacks);
        for (size_t i = 0; lacks[i]; i++)
                (void)json_array_append_new(missing, json_string(lacks[i]));
        (void)json_object_set_new(object, "missing", missing);
        if (look->alt)
                (void)json_object_set_new(object, "proposed_alt", json_from_text(look->alt));
        if (look->is_measured)
                (void)json_object_set_new(object, "contrast", json_pack("{s:f, s:f, s:f}", "full", look->legibility.contrast, "64",
                                                                        look->legibility.small[0], "32", look->legibility.small[1]));
        return object;
}

void look_show(Client *c, const Look *look)
{
        _cleanup_(pixels_done) Pixels sheet = { 0 };
        _cleanup_(freep) uint8_t *png = NULL;
        size_t size;

        if (!c->preview)
                return;
        int r = look->pixels.rgb ? sheet_make(&look->pixels, &sheet) : -ENOENT;
        if (r >= 0)
                r = pixels_to_png(&sheet, &png, &size);
        if (r >= 0)
                r = preview_picture(c->preview, &(Picture) { png, size, sheet.width, sheet.height, "png" });
        if (r < 0)
                client_warn(c, _("the picture cannot be shown here"));
}
