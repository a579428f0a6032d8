/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/util.h"
#include "client/http/routes.h"
#include "dbus/names.h"

#define SMALL (256U << 10)
#define PICTURES (96U << 20) /* two of 32 MiB in base64, and words */
#define V1 "/sdapi/v1/"

static const Route route_table[] = {
        { "POST", "/v1/images/generations", MANNER_OPENAI, SMALL, openai_generate, drawing_stop },
        { "GET", "/v1/models", MANNER_OPENAI, 0, openai_models, listing_stop },
        { "POST", V1 "txt2img", MANNER_WEBUI, SMALL, webui_txt2img, drawing_stop },
        { "POST", V1 "img2img", MANNER_WEBUI, PICTURES, webui_img2img, drawing_stop },
        { "GET", V1 "progress", MANNER_WEBUI, 0, webui_progress },
        { "POST", V1 "interrupt", MANNER_WEBUI, 0, webui_interrupt },
        { "POST", V1 "skip", MANNER_WEBUI, 0, webui_interrupt },
        { "GET", V1 "options", MANNER_WEBUI, 0, webui_options, listing_stop },
        { "POST", V1 "options", MANNER_WEBUI, SMALL, webui_set_options },
        { "GET", V1 "sd-models", MANNER_WEBUI, 0, webui_models, listing_stop },
        { "GET", V1 "samplers", MANNER_WEBUI, 0, webui_samplers },
        { "GET", V1 "schedulers", MANNER_WEBUI, 0, webui_schedulers },
        { "POST", V1 "png-info", MANNER_WEBUI, PICTURES, webui_png_info },
        { "POST", V1 "interrogate", MANNER_WEBUI, PICTURES, webui_interrogate },
        { "POST", V1 "extra-single-image", MANNER_WEBUI, PICTURES, webui_extra_single_image, drawing_stop },
        /* What clients ask for at their start, and do without. */
        { "GET", V1 "upscalers", MANNER_WEBUI, .text = "[{\"name\": \"None\", \"model_name\": null, \"model_path\": null, "
          "\"model_url\": null, \"scale\": 4}, {\"name\": \"Lanczos\", \"model_name\": null, \"model_path\": null, "
          "\"model_url\": null, \"scale\": 4}]" },
        { "GET", V1 "latent-upscale-modes", MANNER_WEBUI, .text = "[{\"name\": \"Latent\"}]" },
        { "GET", V1 "loras", MANNER_WEBUI, .text = "[]" },
        { "GET", V1 "sd-vae", MANNER_WEBUI, .text = "[]" },
        { "GET", V1 "sd-modules", MANNER_WEBUI, .text = "[]" },
        { "GET", V1 "hypernetworks", MANNER_WEBUI, .text = "[]" },
        { "GET", V1 "face-restorers", MANNER_WEBUI, .text = "[]" },
        { "GET", V1 "prompt-styles", MANNER_WEBUI, .text = "[]" },
        { "GET", V1 "scripts", MANNER_WEBUI, .text = "{\"txt2img\": [], \"img2img\": []}" },
        { "GET", V1 "script-info", MANNER_WEBUI, .text = "[]" },
        { "GET", V1 "embeddings", MANNER_WEBUI, .text = "{\"loaded\": {}, \"skipped\": {}}" },
        { "GET", V1 "realesrgan-models", MANNER_WEBUI, .text = "[]" },
        { "GET", V1 "extensions", MANNER_WEBUI, .text = "[]" },
        { "GET", V1 "cmd-flags", MANNER_WEBUI, .text = "{}" },
        { "GET", V1 "memory", MANNER_WEBUI, .text = "{\"ram\": {}, \"cuda\": {}}" },
        { "GET", "/queue/status", MANNER_WEBUI, .text = "{\"msg\": \"estimation\", \"rank\": null, \"queue_size\": 0, "
          "\"avg_event_process_time\": null, \"avg_event_concurrent_process_time\": null, \"rank_eta\": null, \"queue_eta\": 0}" },
        { "GET", "/internal/ping", MANNER_WEBUI, .text = "{}" },
        { "POST", V1 "refresh-checkpoints", MANNER_WEBUI, .text = "{}" },
        { "POST", V1 "refresh-loras", MANNER_WEBUI, .text = "{}" },
};

Manner manner_of(const char *path)
{
        return strncmp(path, "/v1/", 4) == 0 ? MANNER_OPENAI : MANNER_WEBUI;
}

const Route *route_find(const char *method, const char *path, unsigned *ret_status)
{
        *ret_status = 404;
        for (size_t i = 0; i < ELEMENTSOF(route_table); i++) {
                if (!streq(path, route_table[i].path))
                        continue;
                if (streq(method, route_table[i].method))
                        return route_table + i;
                *ret_status = 405;
        }
        return NULL;
}

static const struct {
        const char *name; /* of the bus's error */
        unsigned openai, webui;
        const char *code;
} failure_table[] = {
        { IMAGINE_ERROR_INVALID_ARGS, 400, 422, "invalid_value" },
        { IMAGINE_ERROR_NO_SUCH_MODEL, 404, 404, "model_not_found" },
        { IMAGINE_ERROR_LIMITS_EXCEEDED, 429, 429, "rate_limit_exceeded" },
        { IMAGINE_ERROR_BUSY, 429, 429, "rate_limit_exceeded" },
        { IMAGINE_ERROR_OUT_OF_MEMORY, 503, 503, "out_of_memory" },
        { IMAGINE_ERROR_WORKER_DIED, 503, 503, "engine_died" },
        { IMAGINE_ERROR_CANCELLED, 400, 500, "cancelled" },
};

unsigned status_of(const Failure *failure, Manner manner, const char **ret_code)
{
        for (size_t i = 0; i < ELEMENTSOF(failure_table); i++)
                if (streq(failure->name, failure_table[i].name)) {
                        *ret_code = failure_table[i].code;
                        return manner == MANNER_OPENAI ? failure_table[i].openai : failure_table[i].webui;
                }
        *ret_code = NULL;
        if (failure->code == CODE_USAGE)
                return manner == MANNER_OPENAI ? 400 : 422;
        return failure->code == CODE_UNREACHABLE ? 503 : 500;
}

json_t *error_body(Manner manner, unsigned status, const char *code, const char *message)
{
        if (manner == MANNER_WEBUI)
                return status < 500 ? json_pack("{s:s}", "detail", message)
                                    : json_pack("{s:s, s:s, s:s, s:s}", "error", "Error", "detail", message, "body", "", "errors", message);
        const char *type = status == 401 ? "authentication_error" : status == 429 ? "rate_limit_error"
                : status >= 500 ? "server_error" : "invalid_request_error";
        return json_pack("{s:{s:s, s:s, s:n, s:s?}}", "error", "message", message, "type", type, "param", "code", code);
}
