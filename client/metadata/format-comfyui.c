/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/util.h"
#include "client/metadata/made.h"

/* A graph: {"3": {"class_type": "KSampler", "inputs": {"steps": 20, "model": ["4", 0], …}}, …}; an input is a value or a link to
 * another node's output. Nobody's graph is deeper, and links may go round. */
#define DEPTH_MAX 64

/* PNG's chunk, or a field of Exif that has the key in front. */
static const char *graph_text(const Metadata *metadata)
{
        static const char *const fields[] = { "Model", "Make", "ImageDescription", "UserComment" };
        const char *text = metadata_text(metadata, "prompt");

        for (size_t i = 0; i < ELEMENTSOF(fields) && !text; i++) {
                const char *field = metadata_text(metadata, fields[i]);
                if (field && strncmp(field, "prompt:", 7) == 0)
                        text = field + 7;
        }
        return text;
}

static const json_t *input(const json_t *node, const char *name)
{
        return json_object_get(json_object_get(node, "inputs"), name);
}

/* The node that an input comes from, or NULL. */
static const json_t *follow(const json_t *graph, const json_t *node, const char *name)
{
        const char *id = json_string_value(json_array_get(input(node, name), 0));
        return id ? json_object_get(graph, id) : NULL;
}

/* The first node in that direction that has an input `wanted` of its own; the first of the names that leads on is taken. */
static const json_t *find(const json_t *graph, const json_t *node, const char *wanted, const char *const names[])
{
        for (int depth = 0; node && depth < DEPTH_MAX; depth++) {
                const json_t *found = input(node, wanted), *next = NULL;
                if (found && !json_is_array(found))
                        return node;
                for (size_t i = 0; names[i] && !next; i++)
                        next = follow(graph, node, names[i]);
                node = next;
        }
        return NULL;
}

/* What a node that only has a value calls it, or NULL. */
static const char *name_of_value(const json_t *node)
{
        static const char *const names[] = { "value", "text", "string", "prompt", "int", "float", "seed" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (input(node, names[i]))
                        return names[i];
        return NULL;
}

/* A text or number that stands in the node, or in the one that its input `by` leads to, or in a node for it alone. */
static const json_t *value(const json_t *graph, const json_t *node, const char *name, const char *by)
{
        if (by && !input(node, name))
                node = follow(graph, node, by);
        for (int depth = 0; name && depth < DEPTH_MAX; depth++) {
                const json_t *found = input(node, name);
                if (!json_is_array(found))
                        return found;
                node = follow(graph, node, name);
                name = name_of_value(node);
        }
        return NULL;
}

/* The words that some conditioning is made of. */
static const char *words(const json_t *graph, const json_t *node)
{
        static const char *const on[] = { "conditioning", "conditioning_1", "conditioning_to", "positive", NULL };
        static const char *const texts[] = { "text", "text_g", "clip_l", "prompt", NULL };

        for (int depth = 0; node && depth < DEPTH_MAX; depth++) {
                const json_t *next = NULL;
                for (size_t i = 0; texts[i]; i++) {
                        const char *text = json_string_value(value(graph, node, texts[i], NULL));
                        if (text)
                                return text;
                }
                for (size_t i = 0; on[i] && !next; i++)
                        next = follow(graph, node, on[i]);
                node = next;
        }
        return NULL;
}

static const char *prompt_of(const json_t *graph, const json_t *sampler, const char *side)
{
        const json_t *guider = follow(graph, sampler, "guider"), *node = follow(graph, guider ? guider : sampler, side);

        if (!node && guider && streq(side, "positive"))
                node = follow(graph, guider, "conditioning");
        return words(graph, node);
}

/* From the sampler to the checkpoint, past the adapters. */
static void read_model(Made *made, const json_t *graph, const json_t *sampler)
{
        static const char *const files[] = { "ckpt_name", "unet_name" };
        const json_t *guider = follow(graph, sampler, "guider"), *node = follow(graph, guider ? guider : sampler, "model");

        for (int depth = 0; node && !made->model && depth < DEPTH_MAX; depth++) {
                const char *lora = json_string_value(input(node, "lora_name"));
                if (lora && made->n_loras < MADE_LORAS_MAX)
                        made->loras[made->n_loras++] = (typeof(made->loras[0])) { lora, input(node, "strength_model") };
                for (size_t i = 0; i < ELEMENTSOF(files) && !made->model; i++)
                        made->model = json_string_value(input(node, files[i]));
                node = follow(graph, node, "model");
        }
}

static const json_t *empty_latent(const json_t *graph, const json_t *sampler)
{
        static const char *const on[] = { "latent_image", "samples", "latent", NULL };
        return find(graph, follow(graph, sampler, "latent_image"), "width", on);
}

static void read_sampler(Made *made, const json_t *graph, const json_t *sampler)
{
        const json_t *latent = empty_latent(graph, sampler), *strength = value(graph, sampler, "denoise", "sigmas");

        *made = (Made) {
                .prompt = prompt_of(graph, sampler, "positive"),
                .negative = prompt_of(graph, sampler, "negative"),
                .sampler = json_string_value(value(graph, sampler, "sampler_name", "sampler")),
                .schedule = json_string_value(value(graph, sampler, "scheduler", "sigmas")),
                .steps = value(graph, sampler, "steps", "sigmas"),
                .guidance = value(graph, sampler, "cfg", "guider"),
                .seed = value(graph, sampler, "seed", NULL),
                .width = value(graph, latent, "width", NULL),
                .height = value(graph, latent, "height", NULL),
                .strength = json_number_value(strength) < 1 ? strength : NULL,
                .program = "ComfyUI",
        };
        if (!made->seed)
                made->seed = value(graph, sampler, "noise_seed", "noise");
        read_model(made, graph, sampler);
}

/* What denoises, and of several the one that begins with nothing. */
static const json_t *find_sampler(const json_t *graph)
{
        const json_t *node, *first = NULL;
        const char *id;

        json_object_foreach((json_t *)graph, id, node) {
                if (!input(node, "latent_image") || (!input(node, "positive") && !input(node, "guider")))
                        continue;
                if (empty_latent(graph, node))
                        return node;
                first = first ? first : node;
        }
        return first;
}

int format_comfyui_read(const Metadata *metadata, char **ret)
{
        const char *text = graph_text(metadata);
        json_t *graph = text ? made_parse(text) : NULL;
        const json_t *sampler = find_sampler(graph);
        int r = 0;

        if (sampler) {
                Made made;
                read_sampler(&made, graph, sampler);
                r = made_to_text(&made, ret);
        }
        json_decref(graph);
        return r;
}
