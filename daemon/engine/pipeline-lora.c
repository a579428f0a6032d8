/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/model-path.h"
#include "base/util.h"
#include "engine/pipeline.h"

static bool exists_in(const char *dir, size_t length, const char *name, char ret[static PATH_MAX])
{
        return length > 0 &&
               snprintf(ret, PATH_MAX, "%.*s/loras/%s.safetensors", (int)length, dir, name) < PATH_MAX &&
               access(ret, F_OK) >= 0;
}

/* field: "prompt" or "loras", where it is named. */
static int find_file(const Pipeline *p, const char *field, const char *name, char ret[static PATH_MAX], Error *error)
{
        const char *slash = strrchr(p->model->dir, '/'), *others = getenv(MODEL_PATH_VARIABLE);

        if (name[0] == '.' || strchr(name, '/'))
                return error_set(error, -EINVAL, "%s: \"%.100s\" cannot be the name of an adapter", field, name);
        if (slash && exists_in(p->model->dir, (size_t)(slash - p->model->dir), name, ret))
                return 0;
        for (const char *at = others; at && *at; at += *at == ':') {
                const size_t length = strcspn(at, ":");

                if (exists_in(at, length, name, ret))
                        return 0;
                at += length;
        }
        return error_set(error, -EINVAL, "%s: no adapter \"%.100s\": no loras/%.100s.safetensors beside the models", field,
                         name, name);
}

/* What adapters are for: the denoiser that draws this picture, and the text encoders. */
typedef struct Targets {
        LoraTarget items[1 + CONFIG_TEXTS_MAX];
        size_t n;
} Targets;

static Targets find_targets(const Pipeline *p, const PictureJob *job)
{
        Targets ret = {
                .items = { { { "lora_unet_", "unet." }, unet_matrices(pipeline_unet(p, job)),
                             job->request->fast ? &p->model->fast_unet : &p->model->unet },
                           { { "lora_te_", "lora_te1_", "text_encoder." }, text_encoder_matrices(p->text_encoders[0]), NULL } },
                .n = 1 + p->model->n_texts,
        };

        if (p->model->n_texts > 1)
                ret.items[2] = (LoraTarget) { { "lora_te2_", "text_encoder_2." }, text_encoder_matrices(p->text_encoders[1]),
                                              NULL };
        return ret;
}

static int apply(const Pipeline *p, const Targets *targets, const char *field, const char *name, double weight,
                 LoraSet *set, Error *error)
{
        char path[PATH_MAX];
        int r = find_file(p, field, name, path, error);

        return r < 0 ? r : lora_apply(set, path, weight, targets->items, targets->n, error);
}

int pipeline_apply_loras(Pipeline *p, const PictureJob *job, LoraSet **ret, Error *error)
{
        const Request *q = job->request;
        _cleanup_(prompt_done) Prompt prompt = {};
        int r = prompt_parse(&prompt, "prompt", q->prompt, error);
        if (r < 0)
                return r;
        if (prompt.n_loras + q->n_loras == 0) {
                *ret = NULL;
                return 0;
        }

        const Targets targets = find_targets(p, job);
        _cleanup_(lora_set_freep) LoraSet *set = lora_set_new();
        if (!set)
                return error_set(error, -ENOMEM, "adapters: out of memory");
        for (size_t i = 0; i < prompt.n_loras && r >= 0; i++)
                r = apply(p, &targets, "prompt", prompt.loras[i].name, prompt.loras[i].weight, set, error);
        for (size_t i = 0; i < q->n_loras && r >= 0; i++)
                r = apply(p, &targets, "loras", q->loras[i].name, q->loras[i].weight, set, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(set);
        return 0;
}
