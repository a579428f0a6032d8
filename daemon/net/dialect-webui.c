/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* AUTOMATIC1111's web UI and its copies: one request for several pictures, whose progress is asked beside it, and which is
 * interrupted when nobody wants it any more. */

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "net/answer.h"
#include "net/capabilities.h"
#include "net/compose.h"
#include "net/json-text.h"

#define TXT2IMG "/sdapi/v1/txt2img"
#define IMG2IMG "/sdapi/v1/img2img"
#define PROGRESS "/sdapi/v1/progress?skip_current_image=%s"
#define INTERRUPT "/sdapi/v1/interrupt"
#define FILL_ORIGINAL 1 /* what is painted over begins as what was there */

typedef struct State {
        bool is_drawing; /* a request is on its way */
        uint32_t wanted; /* pictures of it */
        uint32_t n_partial;
        size_t preview; /* a sum of the last preview, which is sent until there is another one */
} State;

static void done(Talk *talk)
{
        free(talk->state);
        talk->state = NULL;
}

static int set(json_t *body, const char *name, json_t *value)
{
        return json_object_set_new(body, name, value) < 0 ? -ENOMEM : 0;
}

/* It is as soft as it is to be, and the whole picture is drawn: neither is a web UI's default. */
static int add_mask(json_t *body, const Bytes *mask)
{
        _cleanup_(json_decrefp) json_t *rules = json_pack("{s:i, s:i, s:i, s:b}", "mask_blur", 0, "inpainting_mask_invert", 0,
                                                          "inpainting_fill", FILL_ORIGINAL, "inpaint_full_res", 0);

        int r = set(body, "mask", compose_base64(mask, ""));
        return r < 0 ? r : json_object_update(body, rules) < 0 ? -ENOMEM : 0;
}

static int add_pictures(const Talk *talk, json_t *body)
{
        const Bytes *picture = &talk->parts[NET_PART_PICTURE], *mask = &talk->parts[NET_PART_MASK];
        int r = picture->size > 0 ? set(body, "init_images", json_pack("[o]", compose_base64(picture, ""))) : 0;

        if (r >= 0 && picture->size > 0)
                r = compose_number(body, "denoising_strength", talk->ask->draw.strength);
        return r < 0 || mask->size == 0 ? r : add_mask(body, mask);
}

static int add_numbers(const Talk *talk, json_t *body, uint32_t n)
{
        const NetDraw *draw = &talk->ask->draw;
        const struct {
                const char *name;
                double value;
        } numbers[] = {
                { "width", draw->width > 0 ? (double)draw->width : -1 },
                { "height", draw->height > 0 ? (double)draw->height : -1 },
                { "steps", draw->steps > 0 ? (double)draw->steps : -1 },
                { "cfg_scale", draw->guidance },
                { "batch_size", n },
        };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(numbers) && r >= 0; i++)
                r = compose_number(body, numbers[i].name, numbers[i].value);
        if (r >= 0 && talk->ask->flags & NET_ASK_SEED)
                r = compose_seed(body, "seed", talk_seed(talk));
        return r;
}

/* The server keeps nothing of it. */
static json_t *make_body(const Talk *talk, uint32_t n)
{
        const NetAsk *ask = talk->ask;
        _cleanup_(json_decrefp) json_t *body = json_pack("{s:b, s:b}", "send_images", 1, "save_images", 0);
        int r = body ? compose_part(body, "prompt", &talk->parts[NET_PART_PROMPT]) : -ENOMEM;

        if (r >= 0)
                r = compose_part(body, "negative_prompt", &talk->parts[NET_PART_NEGATIVE]);
        if (r >= 0)
                r = add_numbers(talk, body, n);
        if (r >= 0 && ask->draw.style[0])
                r = set(body, "styles", json_pack("[s]", ask->draw.style));
        if (r >= 0 && ask->model[0])
                r = set(body, "override_settings", json_pack("{s:s}", "sd_model_checkpoint", ask->model));
        if (r >= 0)
                r = add_pictures(talk, body);
        return r < 0 ? NULL : TAKE_PTR(body);
}

static int compose(const Talk *talk, State *state, HttpRequest *request, Error *error)
{
        const Capabilities *can = capabilities_get(NET_DIALECT_WEBUI, talk->ask->model);
        const uint32_t n = MIN(talk->ask->count - talk->n_results, can->count_max);
        _cleanup_(json_decrefp) json_t *body = make_body(talk, n);

        *state = (State) { .is_drawing = true, .wanted = n };
        request->draws = n;
        request->key_header = dialect_webui.key_header;
        return compose_json(request, talk->ask->url, talk->parts[NET_PART_PICTURE].size > 0 ? IMG2IMG : TXT2IMG, body, error);
}

/* What is said of the picture at that place of the answer. */
static NetResult describe(const json_t *info, const json_t *seeds, size_t place)
{
        NetResult result = { .kind = NET_RESULT_PICTURE, .cost = -1, .mime = "image/png" };

        answer_seed(&result, json_array_get(seeds, place));
        answer_copy(result.model, sizeof(result.model), json_object_get(info, "sd_model_name"));
        return result;
}

/* A server may put a sheet of all pictures before them, and others behind. */
static int take_pictures(Talk *talk, const State *state, json_t *root, Error *error)
{
        const char *text = json_string_value(json_object_get(root, "info"));
        _cleanup_(json_decrefp) json_t *info = text ? json_text_load(text, strlen(text)) : NULL;
        json_t *images = json_object_get(root, "images");
        const size_t n = json_array_size(images), all = state->wanted;
        const json_int_t first = json_integer_value(json_object_get(info, "index_of_first_image"));
        const size_t start = first > 0 && (uint64_t)first < n && n > all ? (size_t)first : 0;
        int r = n > 0 ? 0 : error_set(error, NET_BAD_ANSWER, "The server answered without a picture");

        for (size_t i = start; i < n && i - start < all && r >= 0; i++) {
                const NetResult result = describe(info, json_object_get(info, "all_seeds"), i - start);
                r = answer_base64(talk, &result, json_array_get(images, i), error);
        }
        return r;
}

static int take(Talk *talk, State *state, const HttpAnswer *answer, Error *error)
{
        _cleanup_(json_decrefp) json_t *root = answer_load(answer, "list of pictures", error);

        state->is_drawing = false;
        return root ? take_pictures(talk, state, root, error) : error->code;
}

static int next(Talk *talk, const HttpAnswer *answer, HttpRequest *request, Error *error)
{
        State *state = talk_state(talk, sizeof(State));

        if (!state)
                return error_set(error, -ENOMEM, "Out of memory");
        int r = answer ? take(talk, state, answer, error) : 0;
        if (r < 0)
                return r;
        return talk->n_results < talk->ask->count ? compose(talk, state, request, error) : 0;
}

static int side(Talk *talk, HttpRequest *request)
{
        char path[64];

        request->key_header = dialect_webui.key_header;
        (void)snprintf(path, sizeof(path), PROGRESS, talk->ask->draw.previews > 0 ? "false" : "true");
        return compose_plain(request, "GET", talk->ask->url, path, NULL);
}

static void take_preview(Talk *talk, State *state, json_t *image)
{
        static const NetResult partial = { .kind = NET_RESULT_PARTIAL, .cost = -1 };
        const char *text = json_string_value(image);
        size_t sum = 5381;

        for (const char *p = text; p && *p; p++)
                sum = sum * 33 + (unsigned char)*p;
        if (!text || sum == state->preview || state->n_partial >= talk->ask->draw.previews)
                return;
        state->preview = sum;
        state->n_partial += answer_base64(talk, &partial, image, NULL) >= 0;
}

static void side_answer(Talk *talk, const HttpAnswer *answer)
{
        _cleanup_(json_decrefp) json_t *root = answer_load(answer, "progress", NULL);
        const json_t *progress = json_object_get(root, "progress");
        const double fraction = json_is_number(progress) ? json_number_value(progress) : 0;

        if (!(fraction > 0 && fraction <= 1)) /* it has not begun, or is at another one's */
                return;
        talk->progress(talk, NET_STAGE_DRAWING, fraction, "");
        take_preview(talk, talk->state, json_object_get(root, "current_image"));
}

static int cancel(Talk *talk, HttpRequest *request)
{
        State *state = talk->state;
        _cleanup_(json_decrefp) json_t *nothing = json_object();

        if (!state || !state->is_drawing)
                return 0;
        state->is_drawing = false;
        request->key_header = dialect_webui.key_header;
        return compose_json(request, talk->ask->url, INTERRUPT, nothing, NULL);
}

/* What has failed there in computing fails again. */
static bool explain(const Talk *talk, const HttpAnswer *answer, Error *error)
{
        char message[256], code[64];

        answer_error(answer->body.data, answer->body.size, message, code);
        return answer_explain(talk, answer, false, message, code, error) || answer->status == 500;
}

static int checked(Talk *talk, const HttpAnswer *answer, Error *error)
{
        return answer_models(talk, answer, "", "title", error);
}

const Dialect dialect_webui = {
        .key_header = "Authorization: Basic ",
        .check = talk_check,
        .next = next,
        .explain = explain,
        .side = side,
        .side_answer = side_answer,
        .cancel = cancel,
        .check_path = "/sdapi/v1/sd-models",
        .checked = checked,
        .done = done,
};
