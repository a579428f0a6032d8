/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/model/original-config.h"
#include "engine/model/weights.h"
#include "tests/fuzz/fuzz.h"

/* Asks for weights by names as they come: the file's own, which are mostly none of diffusers', and some that are. */
static void ask(const Safetensors *file, const KeyMap *map)
{
        static const char *const names[] = { "text_model.encoder.layers.0.self_attn.k_proj.weight", "text_projection.weight",
                                             "down_blocks.0.resnets.0.conv1.weight", "decoder.up_blocks.0.resnets.0.norm1.bias" };
        _cleanup_(weights_freep) Weights *weights = NULL;

        if (weights_open_view(&weights, file, "fuzz", map, NULL) < 0)
                return;
        for (size_t i = 0; i < safetensors_count(file); i++)
                (void)weights_has(weights, "%s", safetensors_at(file, i)->name);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                (void)weights_has(weights, "%s", names[i]);
        (void)weights_bytes(weights);
}

/* Safetensors or GGUF: whatever is accepted can be read in full, and is a checkpoint or not. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        FuzzFile fuzz = fuzz_file_new(data, size);
        _cleanup_(safetensors_freep) Safetensors *file = NULL;
        Error error = {};

        int r = tensor_file_open(&file, fuzz.path, &error);
        if (r < 0) {
                Weights *weights = NULL;
                if (error.code != r || error.text[0] == '\0')
                        abort();
                if (weights_open_index(&weights, fuzz.path, &error) >= 0)
                        weights_free(weights);
                fuzz_file_done(&fuzz);
                return 0;
        }
        fuzz_file_done(&fuzz);
        for (size_t i = 0; i < safetensors_count(file); i++) {
                const StoredTensor *tensor = safetensors_at(file, i);
                _cleanup_(freep) float *values = calloc(tensor->n_elements + 1, sizeof(float));
                if (values)
                        stored_tensor_to_f32(tensor, values);
        }
        OriginalModel model;
        VaeConfig vae;
        KeyMap map;
        if (original_model_infer(&model, file, "fuzz", &error) >= 0) {
                model.unet_map.unet = &model.unet;
                model.vae_map.vae = &model.vae;
                ask(file, &model.unet_map);
                ask(file, &model.vae_map);
                ask(file, &model.texts[0].map);
        }
        if (original_vae_infer(&vae, &map, file, "fuzz", &error) >= 0) {
                map.vae = &vae;
                ask(file, &map);
        }
        if (original_vae_is_tiny(file))
                (void)original_tiny_vae_infer(&vae, file, "fuzz", &error);
        ask(file, &(KeyMap) { .layout = KEYS_OPEN_CLIP });
        ask(file, &(KeyMap) { .layout = KEYS_STABLE_CPP_FUSED });
        return 0;
}
