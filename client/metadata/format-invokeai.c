/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "client/metadata/made.h"

static const char *text_of(const json_t *object, const char *key)
{
        return json_string_value(json_object_get(object, key));
}

static void add_loras(Made *made, const json_t *loras)
{
        for (size_t i = 0; i < json_array_size(loras) && made->n_loras < MADE_LORAS_MAX; i++) {
                const json_t *lora = json_array_get(loras, i), *model = json_object_get(lora, "model");
                /* Since 4.0 it is called model, before lora. */
                const char *name = text_of(model ? model : json_object_get(lora, "lora"), model ? "name" : "model_name");

                if (name)
                        made->loras[made->n_loras++] = (typeof(made->loras[0])) { name, json_object_get(lora, "weight") };
        }
}

/* invokeai_metadata, since version 3. */
static void read_metadata(Made *made, const json_t *object)
{
        const json_t *model = json_object_get(object, "model");

        *made = (Made) {
                .prompt = text_of(object, "positive_prompt"),
                .negative = text_of(object, "negative_prompt"),
                .sampler = text_of(object, "scheduler"),
                .model = text_of(model, "name") ? text_of(model, "name") : text_of(model, "model_name"),
                .steps = json_object_get(object, "steps"),
                .guidance = json_object_get(object, "cfg_scale"),
                .seed = json_object_get(object, "seed"),
                .width = json_object_get(object, "width"),
                .height = json_object_get(object, "height"),
                .strength = json_object_get(object, "strength"),
                .clip_skip = json_object_get(object, "clip_skip"),
        };
        add_loras(made, json_object_get(object, "loras"));
}

/* sd-metadata, of version 2: the prompt is a text, or a list of texts with weights. */
static void read_image(Made *made, const json_t *object)
{
        const json_t *image = json_object_get(object, "image"), *prompt = json_object_get(image, "prompt");

        *made = (Made) {
                .prompt = json_is_array(prompt) ? text_of(json_array_get(prompt, 0), "prompt") : json_string_value(prompt),
                .sampler = text_of(image, "sampler"),
                .model = text_of(object, "model_weights"),
                .steps = json_object_get(image, "steps"),
                .guidance = json_object_get(image, "cfg_scale"),
                .seed = json_object_get(image, "seed"),
                .width = json_object_get(image, "width"),
                .height = json_object_get(image, "height"),
                .strength = json_object_get(image, "strength"),
        };
}

int format_invokeai_read(const Metadata *metadata, char **ret)
{
        static const struct {
                const char *key;
                void (*read)(Made *made, const json_t *object);
        } forms[] = { { "invokeai_metadata", read_metadata }, { "sd-metadata", read_image } };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(forms) && r == 0; i++) {
                const char *text = metadata_text(metadata, forms[i].key);
                json_t *object = text ? made_parse(text) : NULL;
                char program[64] = "InvokeAI";
                Made made;

                if (json_is_object(object)) {
                        const char *version = text_of(object, "app_version");
                        if (version)
                                (void)snprintf(program, sizeof(program), "InvokeAI %s", version);
                        forms[i].read(&made, object);
                        made.program = program;
                        r = made_to_text(&made, ret);
                }
                json_decref(object);
        }
        return r;
}
