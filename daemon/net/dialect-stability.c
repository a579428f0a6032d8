/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stability's v2beta: a form for each picture. A picture that its filter has blurred arrives as a success: it is a refusal. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/request.h"
#include "base/util.h"
#include "net/answer.h"
#include "net/capabilities.h"
#include "net/compose.h"

#define PATH "/v2beta/stable-image/"
#define INPAINT "inpaint"
#define STRENGTH 0.75 /* it wants to be told one */

static bool is_sd3(const char *model)
{
        return strncmp(model, "sd3", strlen("sd3")) == 0;
}

/* NULL: there is no such model. */
static const char *path_for(const char *model)
{
        if (is_sd3(model))
                return PATH "generate/sd3";
        if (streq(model, "ultra"))
                return PATH "generate/ultra";
        if (streq(model, INPAINT))
                return PATH "edit/inpaint";
        return model[0] == '\0' || streq(model, "core") ? PATH "generate/core" : NULL;
}

static int check(const Talk *talk, Error *error)
{
        int r = talk_check(talk, error);
        if (r < 0)
                return r;
        if (!path_for(talk->ask->model))
                return error_set(error, -EINVAL, "The server has no model %s; it has core, ultra, sd3 and inpaint", talk->ask->model);
        if (streq(talk->ask->model, INPAINT) && talk->parts[NET_PART_MASK].size == 0)
                return error_set(error, -EINVAL, "The server's inpaint needs a picture and its mask");
        return 0;
}

/* A picture to start from decides the shape. */
static void add_picture(const Talk *talk, Form *form)
{
        const double strength = talk->ask->draw.strength;

        form_add_file(form, "image", &talk->parts[NET_PART_PICTURE]);
        if (streq(talk->ask->model, INPAINT)) {
                form_add_file(form, "mask", &talk->parts[NET_PART_MASK]);
                return;
        }
        form_add_number(form, "strength", strength >= 0 ? strength : STRENGTH);
        if (is_sd3(talk->ask->model))
                form_add_text(form, "mode", "image-to-image");
}

static void add_shape(const Talk *talk, Form *form)
{
        const NetDraw *draw = &talk->ask->draw;
        const Capabilities *can = capabilities_get(NET_DIALECT_STABILITY, talk->ask->model);
        const NetSize *size = capabilities_find_size(can, draw->width, draw->height);

        if (size)
                form_add_text(form, "aspect_ratio", size->name);
}

static int compose(const Talk *talk, HttpRequest *request, Error *error)
{
        const NetAsk *ask = talk->ask;
        char seed[32];

        Form form = form_begin(request, ask->url, path_for(ask->model));
        form_add_part(&form, "prompt", &talk->parts[NET_PART_PROMPT]);
        form_add_part(&form, "negative_prompt", &talk->parts[NET_PART_NEGATIVE]);
        form_add_text(&form, "output_format", format_to_string((PictureFormat)ask->draw.format));
        form_add_text(&form, "style_preset", ask->draw.style);
        form_add_number(&form, "cfg_scale", ask->draw.guidance);
        if (is_sd3(ask->model) && !streq(ask->model, "sd3"))
                form_add_text(&form, "model", ask->model);
        (void)snprintf(seed, sizeof(seed), "%" PRIu64, talk_seed(talk));
        if (ask->flags & NET_ASK_SEED)
                form_add_text(&form, "seed", seed);
        if (talk->parts[NET_PART_PICTURE].size > 0)
                add_picture(talk, &form);
        else
                add_shape(talk, &form);
        request->draws = 1;
        request->key_header = dialect_stability.key_header;
        if (form.result >= 0)
                form.result = http_request_header(request, "Accept: application/json");
        return form_send(&form, error);
}

static int judge(const char *finish_reason, Error *error)
{
        if (streq(finish_reason, "CONTENT_FILTERED"))
                return error_set(error, NET_REFUSED, "The server's content filter refused");
        if (finish_reason[0] && !streq(finish_reason, "SUCCESS"))
                return error_set(error, NET_BAD_ANSWER, "The server failed");
        return 0;
}

/* The bytes themselves, and the rest as headers: what a server sends that does not heed what is accepted. */
static int take_bytes(Talk *talk, const HttpAnswer *answer, Error *error)
{
        NetResult result = { .kind = NET_RESULT_PICTURE, .cost = -1 };
        char *rest;

        result.seed = strtoull(answer->seed, &rest, 10);
        result.has_seed = answer->seed[0] >= '0' && answer->seed[0] <= '9' && *rest == '\0';
        int r = judge(answer->finish_reason, error);
        return r < 0 ? r : answer_body(talk, &result, answer, error);
}

static int take_json(Talk *talk, const HttpAnswer *answer, Error *error)
{
        _cleanup_(json_decrefp) json_t *root = answer_load(answer, "picture", error);
        NetResult result = { .kind = NET_RESULT_PICTURE, .cost = -1 };
        char finish[32] = "";

        if (!root)
                return error->code;
        answer_copy(finish, sizeof(finish), json_object_get(root, "finish_reason"));
        answer_seed(&result, json_object_get(root, "seed"));
        int r = judge(finish, error);
        if (r < 0)
                return r;
        if (!json_is_string(json_object_get(root, "image")))
                return error_set(error, NET_BAD_ANSWER, "The server answered without a picture");
        return answer_base64(talk, &result, json_object_get(root, "image"), error);
}

static int next(Talk *talk, const HttpAnswer *answer, HttpRequest *request, Error *error)
{
        int r = 0;

        if (answer)
                r = strncmp(answer->type, "image/", strlen("image/")) == 0 ? take_bytes(talk, answer, error)
                                                                            : take_json(talk, answer, error);
        if (r < 0)
                return r;
        return talk->n_results < talk->ask->count ? compose(talk, request, error) : 0;
}

static bool explain(const Talk *talk, const HttpAnswer *answer, Error *error)
{
        char message[256], code[64];

        answer_error(answer->body.data, answer->body.size, message, code);
        return answer_explain(talk, answer, streq(code, "content_moderation"), message, code, error);
}

static int checked(Talk *talk, const HttpAnswer *answer, Error *error)
{
        _cleanup_(json_decrefp) json_t *root = answer_load(answer, "balance", error);

        if (!root)
                return error->code;
        const json_t *credits = json_object_get(root, "credits");
        return answer_check(talk, NULL, json_is_number(credits) ? json_number_value(credits) : -1, error);
}

static void done(Talk *talk)
{
        (void)talk;
}

const Dialect dialect_stability = {
        .key_header = "Authorization: Bearer ",
        .check = check,
        .next = next,
        .explain = explain,
        .check_path = "/v1/user/balance",
        .checked = checked,
        .done = done,
};
