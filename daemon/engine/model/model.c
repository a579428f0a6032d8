/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "engine/model/file.h"
#include "engine/model/json-reader.h"
#include "engine/model/model.h"

/* The classes that model_index.json may name for each component, as ["library", "class"]. */
static const struct {
        const char *component;
        const char *classes[2];
} components[] = {
        { "text_encoder", { "CLIPTextModel" } },
        { "tokenizer", { "CLIPTokenizer", "CLIPTokenizerFast" } },
        { "unet", { "UNet2DConditionModel" } },
        { "vae", { "AutoencoderKL" } },
};

static void check_component(JsonReader *json, const char *component, const char *const classes[static 2])
{
        const char *found = json_string_value(json_array_get(json_object_get(json->root, component), 1));

        if (!found)
                json_fail(json, -EBADMSG, component, "no such component");
        else if (!streq(found, classes[0]) && !(classes[1] && streq(found, classes[1])))
                json_fail(json, -EOPNOTSUPP, component, "%.60s is not supported", found);
}

static int check_index(const char *dir, Error *error)
{
        _cleanup_(freep) char *path = NULL;
        int r = path_join(&path, dir, "model_index.json", error);
        if (r < 0)
                return r;

        _cleanup_(json_reader_done) JsonReader json = {};
        r = json_reader_open(&json, path, error);
        if (r < 0)
                return r;

        json_only(&json, "_class_name", "\"StableDiffusionPipeline\"");
        for (size_t i = 0; i < ELEMENTSOF(components); i++)
                check_component(&json, components[i].component, components[i].classes);
        return json.result;
}

static int read_tokenizer_config(Model *model, Error *error)
{
        _cleanup_(freep) char *path = NULL, *special = NULL;
        int r = path_join(&path, model->dir, "tokenizer/tokenizer_config.json", error);
        if (r >= 0)
                r = path_join(&special, model->dir, "tokenizer/special_tokens_map.json", error);
        return r < 0 ? r : tokenizer_config_read(&model->tokenizer, path, special, error);
}

/* What to call a model that does not say: its folder. Names travel on the bus: plain characters only. */
static void name_after_folder(ModelCard *card, const char *dir)
{
        const char *slash = strrchr(dir, '/');

        (void)snprintf(card->name, sizeof(card->name), "%s", slash && slash[1] ? slash + 1 : "model");
        for (char *c = card->name; *c; c++)
                if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", *c))
                        *c = '-';
}

static int read_card(Model *model, Error *error)
{
        _cleanup_(freep) char *path = NULL;
        int r = path_join(&path, model->dir, "imagined.json", error);
        if (r < 0)
                return r;

        model->card = (ModelCard) { .guidance = -1, .enlarge = 1 };
        if (access(path, F_OK) >= 0)
                r = model_card_read(&model->card, path, error);
        if (r < 0)
                return r;
        if (model->card.name[0] == '\0')
                name_after_folder(&model->card, model->dir);
        return 0;
}

static int read_configs(Model *model, Error *error)
{
        _cleanup_(freep) char *text_encoder = NULL, *unet = NULL, *vae = NULL, *scheduler = NULL;
        int r;

        if ((r = path_join(&text_encoder, model->dir, "text_encoder/config.json", error)) < 0 ||
            (r = path_join(&unet, model->dir, "unet/config.json", error)) < 0 ||
            (r = path_join(&vae, model->dir, "vae/config.json", error)) < 0 ||
            (r = path_join(&scheduler, model->dir, "scheduler/scheduler_config.json", error)) < 0)
                return r;

        if ((r = text_encoder_config_read(&model->text_encoder, text_encoder, error)) < 0 ||
            (r = unet_config_read(&model->unet, unet, error)) < 0 ||
            (r = vae_config_read(&model->vae, vae, error)) < 0 ||
            (r = scheduler_config_read(&model->scheduler, scheduler, error)) < 0 ||
            (r = read_tokenizer_config(model, error)) < 0)
                return r;

        /* diffusers' StableDiffusionPipeline insists on both, whatever its scheduler's file says. */
        model->scheduler.steps_offset = 1;
        model->scheduler.clip_sample = false;

        return read_card(model, error);
}

/* Each component is fine by itself; now they must also fit together. */
static int check_fit(const Model *m, Error *error)
{
        if (m->unet.cross_attention_dim != m->text_encoder.hidden_size)
                return error_set(error, -EBADMSG,
                                 "%s: unet wants embeddings of %u numbers, text_encoder makes %u", m->dir,
                                 m->unet.cross_attention_dim, m->text_encoder.hidden_size);
        if (m->tokenizer.max_length > m->text_encoder.max_positions)
                return error_set(error, -EBADMSG, "%s: tokenizer makes %u tokens, text_encoder takes %u",
                                 m->dir, m->tokenizer.max_length, m->text_encoder.max_positions);
        if (m->unet.in_channels != m->vae.latent_channels || m->unet.out_channels != m->vae.latent_channels)
                return error_set(error, -EOPNOTSUPP,
                                 "%s: a unet with %u channels in, %u out and %u in the vae is not supported",
                                 m->dir, m->unet.in_channels, m->unet.out_channels, m->vae.latent_channels);
        if (m->vae.out_channels != 3)
                return error_set(error, -EOPNOTSUPP, "%s: a vae with %u colour channels is not supported",
                                 m->dir, m->vae.out_channels);
        return 0;
}

/* Opens DIR/STEM.safetensors, or the 16-bit variant that some models have in its place. */
static int open_weights(Weights **ret, const char *dir, const char *stem, Error *error)
{
        static const char *const suffixes[] = { "safetensors", "fp16.safetensors" };

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                char name[64];
                _cleanup_(freep) char *path = NULL;

                (void)snprintf(name, sizeof(name), "%s.%s", stem, suffixes[i]);
                int r = path_join(&path, dir, name, error);
                if (r < 0)
                        return r;
                if (access(path, F_OK) >= 0)
                        return weights_open(ret, path, error);
        }
        return error_set(error, -ENOENT, "%s: no %s.safetensors", dir, stem);
}

static int open_all_weights(Model *m, Error *error)
{
        const struct {
                Weights **weights;
                const char *component, *stem;
        } all[] = {
                { &m->text_encoder_weights, "text_encoder", "model" },
                { &m->unet_weights, "unet", "diffusion_pytorch_model" },
                { &m->vae_weights, "vae", "diffusion_pytorch_model" },
        };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                _cleanup_(freep) char *dir = NULL;
                int r = path_join(&dir, m->dir, all[i].component, error);
                if (r >= 0)
                        r = open_weights(all[i].weights, dir, all[i].stem, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

int model_open(Model **ret, const char *dir, Error *error)
{
        _cleanup_(model_freep) Model *model = calloc(1, sizeof(*model));
        if (!model)
                return error_set(error, -ENOMEM, "%s: out of memory", dir);

        model->dir = realpath(dir, NULL);
        if (!model->dir)
                return error_set(error, -errno, "model folder %s: %s", dir, strerror(errno));

        int r;
        if ((r = check_index(model->dir, error)) < 0 || (r = read_configs(model, error)) < 0 ||
            (r = check_fit(model, error)) < 0 || (r = open_all_weights(model, error)) < 0)
                return r;

        *ret = TAKE_PTR(model);
        return 0;
}

Model *model_free(Model *model)
{
        if (!model)
                return NULL;
        weights_free(model->text_encoder_weights);
        weights_free(model->unet_weights);
        weights_free(model->vae_weights);
        free(model->dir);
        free(model);
        return NULL;
}
