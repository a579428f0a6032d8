/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "engine/model/checkpoint.h"
#include "engine/model/file.h"
#include "engine/model/json-reader.h"
#include "engine/model/model.h"
#include "engine/model/recommend.h"

/* The pipelines whose folders are understood; what they do beside text to picture is asked for elsewhere. */
static const char *const pipelines[] = {
        "StableDiffusionPipeline",
        "StableDiffusionXLPipeline",
        "LatentConsistencyModelPipeline",
        "StableDiffusionInpaintPipeline",
        "StableDiffusionXLInpaintPipeline",
        "StableDiffusionImg2ImgPipeline",
        "StableDiffusionXLImg2ImgPipeline",
        NULL,
};

/* The classes that model_index.json may name for each component, as ["library", "class"]. */
static const struct {
        const char *component;
        const char *classes[2];
        bool optional;
} components[] = {
        { "text_encoder", { "CLIPTextModel", "CLIPTextModelWithProjection" } },
        { "text_encoder_2", { "CLIPTextModelWithProjection" }, true },
        { "tokenizer", { "CLIPTokenizer", "CLIPTokenizerFast" } },
        { "tokenizer_2", { "CLIPTokenizer", "CLIPTokenizerFast" }, true },
        { "unet", { "UNet2DConditionModel" } },
        { "vae", { "AutoencoderKL", "AutoencoderTiny" } },
};

/* Whether the component is there. */
static bool check_component(JsonReader *json, const char *component, const char *const classes[static 2],
                            bool optional)
{
        const char *found = json_string_value(json_array_get(json_object_get(json->root, component), 1));

        if (!found && !optional)
                json_fail(json, -EBADMSG, component, "no such component");
        else if (found && !streq(found, classes[0]) && !(classes[1] && streq(found, classes[1])))
                json_fail(json, -EOPNOTSUPP, component, "%.60s is not supported", found);
        return found;
}

static int read_index(Model *model, Error *error)
{
        _cleanup_(freep) char *path = NULL;
        int r = path_join(&path, model->dir, "model_index.json", error);
        if (r < 0)
                return r;

        _cleanup_(json_reader_done) JsonReader json = {};
        r = json_reader_open(&json, path, error);
        if (r < 0)
                return r;

        (void)json_choice(&json, "_class_name", 0, pipelines);
        for (size_t i = 0; i < ELEMENTSOF(components); i++) {
                bool found = check_component(&json, components[i].component, components[i].classes,
                                             components[i].optional);
                if (found && streq(components[i].component, "text_encoder_2"))
                        model->n_texts = 2;
        }
        model->zero_empty_negative = json_bool(&json, "force_zeros_for_empty_prompt", model->n_texts == 2);
        return json.result;
}

static int read_tokenizer_config(const Model *model, const char *folder, TokenizerConfig *ret, Error *error)
{
        char file[64];
        _cleanup_(freep) char *path = NULL, *special = NULL;
        (void)snprintf(file, sizeof(file), "%s/tokenizer_config.json", folder);
        int r = path_join(&path, model->dir, file, error);
        (void)snprintf(file, sizeof(file), "%s/special_tokens_map.json", folder);
        if (r >= 0)
                r = path_join(&special, model->dir, file, error);
        return r < 0 ? r : tokenizer_config_read(ret, path, special, error);
}

/* Text encoder i and the padding of its tokenizer; the vocabulary is one for both. */
static int read_text(Model *model, uint32_t i, Error *error)
{
        ModelText *text = &model->texts[i];
        TokenizerConfig tokenizer;
        _cleanup_(freep) char *path = NULL;
        int r = path_join(&path, model->dir, i > 0 ? "text_encoder_2/config.json" : "text_encoder/config.json",
                          error);

        if (r < 0 || (r = text_encoder_config_read(&text->config, path, error)) < 0 ||
            (r = read_tokenizer_config(model, i > 0 ? "tokenizer_2" : "tokenizer", &tokenizer, error)) < 0)
                return r;
        if (i == 0)
                model->tokenizer = tokenizer;
        else if (tokenizer.max_length != model->tokenizer.max_length)
                return error_set(error, -EOPNOTSUPP, "%s: tokenizers of %u and %u tokens are not supported",
                                 model->dir, model->tokenizer.max_length, tokenizer.max_length);
        memcpy(model->tokenizer.fill_tokens[i], tokenizer.pad_token, sizeof(tokenizer.pad_token));
        return 0;
}

/* What to call a model that does not say: its folder, or its file without what stands after the last dot. Names travel on
 * the bus: plain characters only. */
static void name_after_path(ModelCard *card, const char *path, bool file)
{
        const char *slash = strrchr(path, '/');

        (void)snprintf(card->name, sizeof(card->name), "%s", slash && slash[1] ? slash + 1 : "model");
        char *dot = strrchr(card->name, '.');
        if (file && dot && dot > card->name)
                *dot = '\0';
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

        return access(path, F_OK) >= 0 ? model_card_read(&model->card, path, error) : 0;
}

static int read_configs(Model *model, Error *error)
{
        _cleanup_(freep) char *unet = NULL, *vae = NULL, *scheduler = NULL;
        int r = 0;

        for (uint32_t i = 0; i < model->n_texts && r >= 0; i++)
                r = read_text(model, i, error);
        if (r < 0 || (r = path_join(&unet, model->dir, "unet/config.json", error)) < 0 ||
            (r = path_join(&vae, model->dir, "vae/config.json", error)) < 0 ||
            (r = path_join(&scheduler, model->dir, "scheduler/scheduler_config.json", error)) < 0)
                return r;

        if ((r = unet_config_read(&model->unet, unet, error)) < 0 ||
            (r = vae_config_read(&model->vae, vae, error)) < 0 ||
            (r = scheduler_config_read(&model->scheduler, scheduler, error)) < 0)
                return r;

        /* diffusers' StableDiffusionPipeline insists on both, whatever its scheduler's file says. */
        if (!model_is_xl(model))
                model->scheduler.steps_offset = 1;
        model->scheduler.clip_sample = false;

        r = read_card(model, error);
        if (r < 0 || model->card.fast_steps == 0)
                return r;

        _cleanup_(freep) char *fast_unet = NULL;
        r = path_join(&fast_unet, model->dir, "unet_fast/config.json", error);
        return r < 0 ? r : unet_config_read(&model->fast_unet, fast_unet, error);
}

static int check_text_fits(const Model *m, Error *error)
{
        const ModelText *last = &m->texts[m->n_texts - 1];
        uint32_t width = 0;

        for (uint32_t i = 0; i < m->n_texts; i++) {
                width += m->texts[i].config.hidden_size;
                if (m->tokenizer.max_length > m->texts[i].config.max_positions)
                        return error_set(error, -EBADMSG, "%s: tokenizer makes %u tokens, text_encoder takes %u",
                                         m->dir, m->tokenizer.max_length, m->texts[i].config.max_positions);
        }
        if (m->unet.cross_attention_dim != width)
                return error_set(error, -EBADMSG,
                                 "%s: unet wants embeddings of %u numbers, text_encoder makes %u", m->dir,
                                 m->unet.cross_attention_dim, width);
        if (model_is_xl(m) &&
            last->config.projection + CONFIG_SIZES * m->unet.sizes_width != m->unet.added_width)
                return error_set(error, -EBADMSG, "%s: unet wants %u numbers beside the text, text_encoder makes %u",
                                 m->dir, m->unet.added_width,
                                 last->config.projection + CONFIG_SIZES * m->unet.sizes_width);
        return 0;
}

/* The few-step denoiser stands in for the other, so it must take and make the same. */
static int check_fast_unet(const Model *m, Error *error)
{
        const UNetConfig *a = &m->unet, *b = &m->fast_unet;

        if (m->card.fast_steps > 0 &&
            (a->in_channels != b->in_channels || a->out_channels != b->out_channels ||
             a->cross_attention_dim != b->cross_attention_dim || a->added_width != b->added_width ||
             a->sizes_width != b->sizes_width || a->guidance_width != b->guidance_width))
                return error_set(error, -EBADMSG, "%s: unet_fast takes or makes other numbers than unet", m->dir);
        return 0;
}

/* Each component is fine by itself; now they must also fit together. */
static int check_fit(const Model *m, Error *error)
{
        const uint32_t latents = m->vae.latent_channels, in = m->unet.in_channels;

        /* An inpainting model sees the mask and what it leaves of the picture beside the latents. */
        if ((in != latents && in != 2 * latents + 1) || m->unet.out_channels != latents)
                return error_set(error, -EOPNOTSUPP,
                                 "%s: a unet with %u channels in, %u out and %u in the vae is not supported",
                                 m->dir, in, m->unet.out_channels, latents);
        if (m->vae.out_channels != 3)
                return error_set(error, -EOPNOTSUPP, "%s: a vae with %u colour channels is not supported",
                                 m->dir, m->vae.out_channels);
        int r = check_text_fits(m, error);
        return r < 0 ? r : check_fast_unet(m, error);
}

/* Opens DIR/STEM.safetensors, or what some models have in its place: several files with an index, or the 16-bit
 * variant of either. */
static int open_weights(Weights **ret, const char *dir, const char *stem, Error *error)
{
        static const char *const suffixes[] = { "safetensors", "safetensors.index.json", "fp16.safetensors",
                                                "safetensors.index.fp16.json" };

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                char name[64];
                _cleanup_(freep) char *path = NULL;

                (void)snprintf(name, sizeof(name), "%s.%s", stem, suffixes[i]);
                int r = path_join(&path, dir, name, error);
                if (r < 0)
                        return r;
                if (access(path, F_OK) >= 0)
                        return strstr(suffixes[i], "index") ? weights_open_index(ret, path, error)
                                                            : weights_open(ret, path, error);
        }
        return error_set(error, -ENOENT, "%s: no %s.safetensors", dir, stem);
}

/* Whether the model has the component whose weights these are to be. */
static bool is_there(const Model *m, Weights *const *weights)
{
        if (weights == &m->fast_unet_weights)
                return m->card.fast_steps > 0;
        return weights != &m->texts[1].weights || m->n_texts > 1;
}

static int open_all_weights(Model *m, Error *error)
{
        const struct {
                Weights **weights;
                const char *component, *stem;
        } all[] = {
                { &m->unet_weights, "unet", "diffusion_pytorch_model" },
                { &m->vae_weights, "vae", "diffusion_pytorch_model" },
                { &m->texts[0].weights, "text_encoder", "model" },
                { &m->texts[1].weights, "text_encoder_2", "model" },
                { &m->fast_unet_weights, "unet_fast", "diffusion_pytorch_model" },
        };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                if (!is_there(m, all[i].weights))
                        continue;
                _cleanup_(freep) char *dir = NULL;
                int r = path_join(&dir, m->dir, all[i].component, error);
                if (r >= 0)
                        r = open_weights(all[i].weights, dir, all[i].stem, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int open_folder(Model *m, Error *error)
{
        int r;

        if ((r = read_index(m, error)) < 0 || (r = read_configs(m, error)) < 0 || (r = open_all_weights(m, error)) < 0 ||
            m->card.vae[0] == '\0')
                return r;

        _cleanup_(freep) char *path = NULL;
        r = path_join(&path, m->dir, m->card.vae, error);
        return r < 0 ? r : checkpoint_replace_vae(m, path, error);
}

/* The enlarging network, which a model may have beside it: upscaler/config.json and upscaler/model.safetensors. */
static int open_upscaler(Model *m, Error *error)
{
        _cleanup_(freep) char *dir = NULL, *config = NULL;
        int r = path_join(&dir, m->dir, "upscaler", error);
        if (r >= 0)
                r = path_join(&config, dir, "config.json", error);
        if (r < 0)
                return r;

        if (access(dir, F_OK) < 0) {
                if (m->card.enlarge_with == ENLARGE_NETWORK)
                        return error_set(error, -EBADMSG, "%s: enlarge_with: there is no upscaler", m->dir);
                return 0;
        }
        r = upscaler_config_read(&m->upscaler, config, error);
        return r < 0 ? r : open_weights(&m->upscaler_weights, dir, "model", error);
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
        model->n_texts = 1;
        model_card_init(&model->card);
        struct stat st;
        if (stat(model->dir, &st) >= 0 && S_ISREG(st.st_mode))
                r = checkpoint_open(model, error);
        else
                r = open_folder(model, error);
        if (r < 0 || (r = check_fit(model, error)) < 0 || (r = open_upscaler(model, error)) < 0)
                return r;
        if (model->card.name[0] == '\0')
                name_after_path(&model->card, model->dir, model->single);
        recommend(model);

        *ret = TAKE_PTR(model);
        return 0;
}

Model *model_free(Model *model)
{
        if (!model)
                return NULL;
        for (uint32_t i = 0; i < model->n_texts; i++)
                weights_free(model->texts[i].weights);
        weights_free(model->unet_weights);
        weights_free(model->vae_weights);
        weights_free(model->fast_unet_weights);
        weights_free(model->upscaler_weights);
        safetensors_free(model->file);
        safetensors_free(model->vae_file);
        free(model->dir);
        free(model);
        return NULL;
}

uint64_t model_parameters(const Model *model)
{
        uint64_t n = weights_parameters(model->unet_weights) + weights_parameters(model->vae_weights);

        for (uint32_t i = 0; i < model->n_texts; i++)
                n += weights_parameters(model->texts[i].weights);
        if (model->fast_unet_weights)
                n += weights_parameters(model->fast_unet_weights);
        return n;
}
