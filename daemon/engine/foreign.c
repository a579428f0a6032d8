/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "engine/foreign.h"
#include "engine/image/drawn-marks.h"
#include "engine/image/encode.h"
#include "engine/image/mask.h"
#include "engine/image/png.h"
#include "engine/image/touches/separable.h"
#include "engine/image/touches/touches.h"
#include "engine/model/sha256.h"

#define THREADS 1 /* the picture is small, and the machine has other work */

/* --- sizes --- */

/* Of the picture itself, no side longer than `max`. */
static void own_size(const ReadPicture *from, uint32_t max, uint32_t *ret_width, uint32_t *ret_height)
{
        const double scale = MIN(1.0, (double)max / MAX(from->width, from->height));

        *ret_width = MAX((uint32_t)lround(from->width * scale), 1U);
        *ret_height = MAX((uint32_t)lround(from->height * scale), 1U);
}

/* Where only one side is asked for, the other follows. */
static void finished_size(const ReadPicture *from, uint32_t width, uint32_t height, uint32_t *ret_width, uint32_t *ret_height)
{
        const double shape = (double)from->width / from->height;

        own_size(from, REQUEST_SIZE_MAX, ret_width, ret_height);
        if (width > 0 || height > 0) {
                *ret_width = width > 0 ? width : (uint32_t)lround(height * shape);
                *ret_height = height > 0 ? height : (uint32_t)lround(width / shape);
        }
        *ret_width = MIN(MAX(*ret_width, (uint32_t)REQUEST_SIZE_MIN), (uint32_t)REQUEST_SIZE_MAX);
        *ret_height = MIN(MAX(*ret_height, (uint32_t)REQUEST_SIZE_MIN), (uint32_t)REQUEST_SIZE_MAX);
}

/* As large a part of the middle as has the shape. */
static Area middle(const ReadPicture *from, uint32_t width, uint32_t height)
{
        const double scale = MAX((double)width / from->width, (double)height / from->height);
        Area area = { .width = width / scale, .height = height / scale };

        area.x = (from->width - area.width) / 2;
        area.y = (from->height - area.height) / 2;
        return area;
}

/* --- pixels --- */

/* On white, [1, h, w, 3] in 0 to 1. */
static Tensor take_colours(Compute *compute, const ReadPicture *from)
{
        Tensor ret = compute_tensor(compute, 1, from->height, from->width, 3);
        const size_t n = (size_t)from->width * from->height;

        for (size_t i = 0; ret.data && i < n; i++) {
                const uint8_t *pixel = from->rgba + 4 * i;
                const float alpha = (float)pixel[3] / 255;
                for (size_t c = 0; c < 3; c++)
                        ret.data[3 * i + c] = alpha * (float)pixel[c] / 255 + 1 - alpha;
        }
        return ret;
}

/* Greys: one channel in three takes a third of the time. */
static int soften(Compute *compute, double sigma, const Tensor *picture)
{
        const size_t n = (size_t)picture->h * picture->w;
        Tensor hard = compute_tensor(compute, 1, picture->h, picture->w, 1), soft = compute_tensor(compute, 1, picture->h, picture->w, 1);

        int r = compute_finish(compute);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                hard.data[i] = picture->data[3 * i];
        gaussian_blur(compute, &hard, sigma, &soft);
        r = compute_finish(compute);
        for (size_t i = 0; r >= 0 && i < 3 * n; i++)
                picture->data[i] = soft.data[i / 3];
        return r;
}

/* request: NULL: no touches but the size. blur: the deviation in pixels of what becomes of it. */
static int touch(const ReadPicture *from, uint32_t width, uint32_t height, const Request *request, double blur, Picture *ret)
{
        _cleanup_(arena_freep) Arena *arena = arena_new(0);
        Compute compute = { .threads = THREADS, .arena = arena };
        Touches touches = {
                .order = { TOUCH_REMOVE_ARTEFACTS, TOUCH_ENLARGE, TOUCH_SMOOTH_EDGES, TOUCH_SHARPEN },
                .enlargement = { .area = middle(from, width, height), .width = width, .height = height },
        };

        if (!arena)
                return -ENOMEM;
        if (request) {
                touches.remove_artefacts = MAX(request->remove_artefacts, 0.0);
                touches.smooth_edges = MAX(request->smooth_edges, 0.0);
                touches.sharpen = MAX(request->sharpen, 0.0);
        }
        Tensor picture = take_colours(&compute, from);
        int r = compute_finish(&compute);
        if (r >= 0)
                r = touches_apply(&compute, &touches, &picture);
        if (r >= 0 && blur > 0)
                r = soften(&compute, blur, &picture);
        return r < 0 ? r : picture_from_tensor(ret, &picture);
}

/* --- files --- */

/* As web UIs read it, with what is known: the last line says who drew it. */
static int format_parameters(char **ret, const Picture *picture, const ForeignInfo *info, const Request *request, const Provenance *by)
{
        const char *negative = request->prompt_metadata ? request->negative_prompt : "";
        char seed[48] = "";

        if (by->seeded)
                (void)snprintf(seed, sizeof(seed), "Seed: %" PRIu64 ", ", info->seed);
        int n = asprintf(ret, "%s%s%s%s%s%sSize: %ux%u, Model: %s, Provider: %s, Version: imagined " VERSION,
                         request->prompt_metadata ? request->prompt : "", request->prompt_metadata ? "\n" : "",
                         negative[0] ? "Negative prompt: " : "", negative, negative[0] ? "\n" : "", seed, picture->width, picture->height,
                         by->model[0] ? by->model : "unknown", by->provider);
        return n < 0 ? -ENOMEM : 0;
}

static int encode(
                const Picture *picture, const ForeignInfo *info, const Request *request, const Provenance *by, void **ret_data,
                size_t *ret_size, Error *error)
{
        const DrawnBy drawn_by = {
                .model = by->model[0] ? by->model : "unknown", .version = "", .license = "",
                .provider = by->service[0] ? by->service : by->provider,
                .usage = by->licence, .terms = by->terms, .credit = by->attribution,
        };
        _cleanup_(marks_done) Marks marks = {};
        char *parameters = NULL;

        int r = format_parameters(&parameters, picture, info, request, by);
        if (r >= 0)
                r = drawn_marks_with(&marks, parameters, request, &drawn_by);
        if (r < 0)
                return error_set(error, r, "Out of memory");
        return picture_encode(picture, (PictureFormat)request->format, request->quality, &marks, ret_data, ret_size, error);
}

int foreign_finish(
                const ReadPicture *from, const ForeignInfo *info, const Request *request, const Provenance *by, PictureInfo *ret,
                void **ret_data, size_t *ret_size, Error *error)
{
        _cleanup_(picture_done) Picture picture = {};
        uint32_t width, height;

        finished_size(from, request->width, request->height, &width, &height);
        int r = touch(from, width, height, request, 0, &picture);
        if (r < 0)
                return error_set(error, r, "The picture cannot be finished: %s", strerror(-r));
        *ret = (PictureInfo) { .picture = info->picture, .width = width, .height = height, .seed = info->seed };
        r = sha256_bytes(picture.rgb, (size_t)3 * width * height, ret->pixels, error);
        return r < 0 ? r : encode(&picture, info, request, by, ret_data, ret_size, error);
}

int foreign_preview(const ReadPicture *from, const ForeignInfo *info, PreviewInfo *ret, void **ret_data, size_t *ret_size, Error *error)
{
        _cleanup_(picture_done) Picture picture = {};
        uint32_t width, height;

        own_size(from, PROTOCOL_PREVIEW_SIDE_MAX, &width, &height);
        int r = touch(from, width, height, NULL, 0, &picture);
        if (r < 0)
                return error_set(error, r, "The preview cannot be made: %s", strerror(-r));
        r = picture_to_png(&picture, &(PictureTexts) {}, ret_data, ret_size, error);
        if (r >= 0)
                *ret = (PreviewInfo) { .picture = info->picture, .width = width, .height = height };
        return r;
}

/* Greys that are bright where something is to be drawn. */
static int take_mask(const ReadPicture *from, MaskPaints paints, ReadPicture *ret)
{
        const size_t n = (size_t)from->width * from->height;
        _cleanup_(freep) uint8_t *values = malloc(n);

        *ret = (ReadPicture) { .width = from->width, .height = from->height, .rgba = malloc(n * 4) };
        if (!values || !ret->rgba)
                return -ENOMEM;
        mask_values(from, paints, values);
        for (size_t i = 0; i < n; i++) {
                memset(ret->rgba + 4 * i, values[i], 3);
                ret->rgba[4 * i + 3] = 255;
        }
        return 0;
}

/* Of a mask; one that is clear somewhere has no soft edges. */
static double blur_of(const ReadPicture *from, const ForeignInfo *info, const Request *request, uint32_t width, uint32_t height)
{
        const double scale = width / middle(from, width, height).width;

        return info->use == FOREIGN_MASK_BRIGHT ? MIN(request->mask_blur * scale, REQUEST_MASK_BLUR_MAX) : 0;
}

int foreign_source(
                const ReadPicture *from, const ForeignInfo *info, const Request *request, PictureInfo *ret, void **ret_data,
                size_t *ret_size, Error *error)
{
        const bool is_mask = info->use != FOREIGN_SOURCE;
        _cleanup_(read_picture_done) ReadPicture mask = {};
        _cleanup_(picture_done) Picture picture = {};
        uint32_t width, height;

        finished_size(from, info->width, info->height, &width, &height);
        int r = is_mask ? take_mask(from, (MaskPaints)request->mask_paints, &mask) : 0;
        if (r >= 0)
                r = touch(is_mask ? &mask : from, width, height, NULL, blur_of(from, info, request, width, height), &picture);
        if (r < 0)
                return error_set(error, r, "The picture to start from cannot be made: %s", strerror(-r));
        r = info->use == FOREIGN_MASK_CLEAR ? mask_to_clear_png(&picture, ret_data, ret_size, error)
                                            : picture_to_png(&picture, &(PictureTexts) {}, ret_data, ret_size, error);
        if (r >= 0)
                *ret = (PictureInfo) { .picture = info->picture, .width = width, .height = height, .seed = info->seed };
        return r;
}
