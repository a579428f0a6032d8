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

static int find_file(const Pipeline *p, const char *name, char ret[static PATH_MAX], Error *error)
{
        const char *slash = strrchr(p->model->dir, '/'), *others = getenv(MODEL_PATH_VARIABLE);

        if (name[0] == '.' || strchr(name, '/'))
                return error_set(error, -EINVAL, "prompt: \"%.100s\" cannot be the name of an adapter", name);
        if (slash && exists_in(p->model->dir, (size_t)(slash - p->model->dir), name, ret))
                return 0;
        for (const char *at = others; at && *at; at += *at == ':') {
                const size_t length = strcspn(at, ":");

                if (exists_in(at, length, name, ret))
                        return 0;
                at += length;
        }
        return error_set(error, -EINVAL, "prompt: no adapter \"%.100s\": no loras/%.100s.safetensors beside the models",
                         name, name);
}

static int apply_all(Pipeline *p, const Prompt *prompt, LoraSet *set, Error *error)
{
        LoraTarget targets[1 + CONFIG_TEXTS_MAX] = {
                { { "lora_unet_", "unet." }, unet_matrices(p->unet), &p->model->unet },
                { { "lora_te_", "lora_te1_", "text_encoder." }, text_encoder_matrices(p->text_encoders[0]), NULL },
        };
        const size_t n = 1 + p->model->n_texts;
        int r = 0;

        if (p->model->n_texts > 1)
                targets[2] = (LoraTarget) { { "lora_te2_", "text_encoder_2." }, text_encoder_matrices(p->text_encoders[1]),
                                            NULL };
        for (size_t i = 0; i < prompt->n_loras && r >= 0; i++) {
                char path[PATH_MAX];

                r = find_file(p, prompt->loras[i].name, path, error);
                if (r >= 0)
                        r = lora_apply(set, path, prompt->loras[i].weight, targets, n, error);
        }
        return r;
}

int pipeline_apply_loras(Pipeline *p, const PictureJob *job, LoraSet **ret, Error *error)
{
        _cleanup_(prompt_done) Prompt prompt = {};
        int r = prompt_parse(&prompt, "prompt", job->request->prompt, error);
        if (r < 0)
                return r;
        if (prompt.n_loras == 0) {
                *ret = NULL;
                return 0;
        }

        _cleanup_(lora_set_freep) LoraSet *set = lora_set_new();
        if (!set)
                return error_set(error, -ENOMEM, "adapters: out of memory");
        r = apply_all(p, &prompt, set, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(set);
        return 0;
}
