/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/mman.h>

#include "base/base64.h"
#include "base/util.h"
#include "client/input.h"
#include "client/mcp/thumbnail.h"
#include "client/mcp/tools.h"
#include "client/settings.h"

#define SIDE_MIN 16
#define SIDE_MAX 1024
#define WHOLE_BYTES_MAX (256U << 10) /* of what cannot be made smaller here */

static json_t *schema(void)
{
        return schema_object(json_pack("{s:{s:s, s:s}, s:{s:s, s:i, s:i, s:s}}", "name", "type", "string", "description",
                                       "The file name that generate_image returned", "side", "type", "integer", "minimum", SIDE_MIN,
                                       "maximum", SIDE_MAX, "description", "The longer side of what is shown, in pixels; 256"),
                             "name");
}

static const char *mime_of(const Picture *picture)
{
        return streq(picture->extension, "png") ? "image/png" : streq(picture->extension, "jpg") ? "image/jpeg" : "image/webp";
}

static void add_settings(Call *call, const Picture *picture)
{
        Settings settings;

        if (settings_find(picture->data, picture->size, &settings) <= 0)
                return;
        call_add_long_text(call, settings.text);
        settings_done(&settings);
}

/* The name within the folder, as it was found. */
static void show(Call *call, const char *name, const Picture *picture, uint32_t side)
{
        _cleanup_(freep) char *text = NULL;

        const bool is_png = streq(picture->extension, "png");
        if (is_png && thumbnail_encode(picture, side, &text) >= 0)
                call_add_image(call, text, "image/png");
        else if (!is_png && picture->size <= WHOLE_BYTES_MAX && (text = base64_encode(picture->data, picture->size)))
                call_add_image(call, text, mime_of(picture));
        call_add_text(call, "%s: %ux%u pixels, %zu bytes, %s", name, picture->width, picture->height, picture->size, mime_of(picture));
        add_settings(call, picture);
        call_end(call);
}

static int read_side(json_t *arguments, uint32_t *ret, Error *error)
{
        json_t *value = json_object_get(arguments, "side");
        const json_int_t side = value ? json_integer_value(value) : THUMBNAIL_SIDE;

        if (side < SIDE_MIN || side > SIDE_MAX)
                return error_set(error, -EINVAL, "side is %d to %d", SIDE_MIN, SIDE_MAX);
        *ret = (uint32_t)side;
        return 0;
}

static void run(Call *call, json_t *arguments)
{
        const char *name = json_string_value(json_object_get(arguments, "name"));
        _cleanup_(closep) int fd = -1, copy = -1;
        _cleanup_(picture_unmap) Picture picture = { 0 };
        Error error = { 0 };
        uint32_t side = 0;

        int r = name ? read_side(arguments, &side, &error) : error_set(&error, -EINVAL, "name is missing");
        if (r >= 0)
                r = shelf_get(call->shelf, name, &fd, &error);
        if (r >= 0)
                r = input_read_fd(fd, "the file", &copy, NULL, &error);
        if (r >= 0 && picture_map(copy, &picture, NULL) < 0)
                r = error_set(&error, -EBADMSG, "that is no PNG, JPEG or WebP");
        if (r < 0)
                call_fail(call, "%s", error.text);
        else
                show(call, name, &picture, side);
}

const Tool tool_picture = {
        .name = "get_image",
        .title = "Look at an image",
        .description = "Shows a picture that generate_image has made: a small version of it, its size, prompt and settings.",
        .only_reads = true,
        .schema = schema,
        .run = run,
};
