/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What somebody asks for, in one plain struct that goes unchanged from the bus through the queue and the worker's
 * protocol to the pipeline. The service fills it in and checks it once (request_check); the worker, which trusts
 * nobody, checks it again with the same function. What was left open (a zero, SAMPLER_DEFAULT, a negative guidance)
 * is decided by the model: Resolved says how. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/precision.h"
#include "base/sampler.h"

#define REQUEST_PROMPT_MAX 8192 /* bytes of UTF-8 */
#define REQUEST_ALT_TEXT_MAX 1023 /* bytes of UTF-8 */
#define REQUEST_CREATOR_MAX 127
#define REQUEST_SIZE_MIN 16 /* pixels, width and height */
#define REQUEST_SIZE_MAX 2048
#define REQUEST_STEPS_MAX 500
#define REQUEST_STEPS_MADE_MAX (2 * REQUEST_STEPS_MAX) /* by two passes */
#define REQUEST_COUNT_MAX 64
#define REQUEST_GUIDANCE_MAX 100.0
#define INPUT_BYTES_MAX (32U << 20) /* of a picture to start from, as PNG, JPEG or WebP */
#define INPUT_SIDE_MAX 8192 /* pixels */
#define INPUT_PIXELS_MAX (32U << 20)
#define REQUEST_CHUNKS_MAX 16 /* of a prompt, each as long as the text encoder can read */
#define REQUEST_CLIP_SKIP_MAX 12
#define REQUEST_HIRES_MAX 4
#define REQUEST_REUSE_MAX 16
#define REQUEST_MERGE_MAX 0.75
#define REQUEST_MASK_BLUR_MAX 256.0 /* pixels of the mask, and of the picture as it is drawn */
#define REQUEST_LORAS_MAX 8
#define REQUEST_LORA_NAME_MAX 128 /* bytes */
#define REQUEST_WEIGHT_MAX 100.0 /* of an adapter or a text, in either direction */

/* How a picture that was drawn smaller becomes as large as it is to be. */
typedef enum Enlarge {
        ENLARGE_DEFAULT, /* the model's own way */
        ENLARGE_NONE, /* not at all: it is drawn at its size */
        ENLARGE_LANCZOS, /* by interpolation */
        ENLARGE_NETWORK, /* by the network that lies beside the model */
        ENLARGE_MAX,
} Enlarge;

/* "none", "lanczos", "network"; "" for ENLARGE_DEFAULT. The second returns the Enlarge (> 0), or -EINVAL. */
const char *enlarge_to_string(Enlarge enlarge);
int enlarge_from_string(const char *name);

/* At which sides a picture goes on at the opposite one, so that copies of it can be laid side by side: bits. */
typedef enum Tiling {
        TILING_NONE,
        TILING_X = 1,
        TILING_Y = 2,
        TILING_BOTH = TILING_X | TILING_Y,
        TILING_MAX,
} Tiling;

/* "none", "x", "y", "xy". The second returns the Tiling, or -EINVAL. */
const char *tiling_to_string(Tiling tiling);
int tiling_from_string(const char *name);

/* What of a mask is to be painted. */
typedef enum MaskPaints {
        MASK_PAINTS_BRIGHT, /* what is bright, or, if it is transparent anywhere, what is transparent */
        MASK_PAINTS_DARK, /* what that leaves */
        MASK_PAINTS_OPAQUE, /* what is opaque, or, if all of it is, what is bright: as web UIs have it */
        MASK_PAINTS_CLEAR, /* what that leaves */
        MASK_PAINTS_MAX,
} MaskPaints;

/* "bright", "dark", "opaque", "clear". The second returns the MaskPaints, or -EINVAL. */
const char *mask_paints_to_string(MaskPaints paints);
int mask_paints_from_string(const char *name);

/* An adapter beside those that the prompt names. */
typedef struct RequestLora {
        char name[REQUEST_LORA_NAME_MAX + 1]; /* UTF-8, not empty; any characters but '<', '>', ':', '/', and no '.' first */
        uint8_t reserved[7];
        double weight;
} RequestLora;

/* Whether it may be one's name. */
bool request_lora_name_is_valid(const char *name);

/* The pictures that a job may start from. */
typedef enum Input {
        INPUT_IMAGE,
        INPUT_MASK, /* where it is to be painted anew; never without an image */
        INPUT_MAX,
} Input;

const char *input_to_string(Input input); /* what the bus calls it */

/* Where a picture to start from grows. */
typedef enum CanvasSide {
        SIDE_LEFT,
        SIDE_RIGHT,
        SIDE_UP,
        SIDE_DOWN,
        SIDE_MAX,
} CanvasSide;

/* "left", "right", "up", "down". */
const char *canvas_side_to_string(CanvasSide side);

/* What finished pictures are written as. */
typedef enum PictureFormat {
        FORMAT_PNG,
        FORMAT_JPEG,
        FORMAT_WEBP,
        FORMAT_MAX,
} PictureFormat;

/* "png", "jpeg", "webp"; the second returns the format, or -EINVAL. */
const char *format_to_string(PictureFormat format);
int format_from_string(const char *name);
const char *format_mime(PictureFormat format);

/* The stages of a job in the order in which they happen. */
typedef enum Stage {
        STAGE_ENCODE, /* prompt to embeddings */
        STAGE_DENOISE, /* step i of n */
        STAGE_DECODE, /* latents to pixels */
        STAGE_TOUCHES, /* enlarge and the like, PNG */
        STAGE_MAX,
} Stage;

const char *stage_to_string(Stage stage);
int stage_from_string(const char *name); /* or -EINVAL */

typedef struct Request {
        char prompt[REQUEST_PROMPT_MAX + 1];
        char negative_prompt[REQUEST_PROMPT_MAX + 1];
        uint32_t width, height; /* pixels of the finished picture; 0: the model's */
        uint32_t steps; /* 0: the model's */
        uint32_t count; /* pictures; see request_picture_seed */
        uint32_t preview_every; /* steps between previews; 0: only when asked for */
        uint32_t sampler; /* a Sampler */
        uint32_t schedule; /* a SigmaSchedule */
        uint64_t seed;
        double guidance; /* guidance scale; negative: the model's; up to 1: no negative pass */
        double guidance_rescale; /* share of the spread that guidance added and that is taken back, 0 to 1; negative: the
                                    model's */
        double guidance_start, guidance_end; /* the part of the steps that is guided, 0 to 1; elsewhere the negative
                                                prompt is not used */
        uint64_t variation_seed; /* of the noise that is mixed in */
        double variation_strength; /* how much of it, 0 to 1; 0: none */
        double strength; /* of what starts from a picture: the share of the steps that is made, 0 to 1; 0: no picture, or
                            with INPUT_IMAGE in inputs no drawing (request_only_touches) */
        uint32_t rng; /* a Rng */
        uint32_t reuse_deep; /* the deep layers of the denoiser are computed at every so many evaluations, and between them
                                their last result counts; 0 and 1: at each */
        double merge_tokens; /* share of the tokens that the largest self-attention takes together, 0 to
                                REQUEST_MERGE_MAX; 0: none */
        double eta; /* how much of the noise that a step may add anew it adds, 0 to 1; negative: the sampler's usual */
        double remove_artefacts, smooth_edges, sharpen; /* final touches, 0 (off) to 1; negative: the model's */
        uint8_t prompt_metadata; /* whether the prompts, and what is made of them, are written into the picture's file */
        uint8_t fast; /* whether the model's few-step denoiser draws */
        uint8_t enlarge; /* an Enlarge */
        uint8_t tiling; /* a Tiling */
        uint8_t inputs; /* which pictures come with it: bits 1 << INPUT_…; strength says how they are used */
        uint8_t precision; /* a Precision; PRECISION_AUTO: the model's */
        uint8_t format; /* a PictureFormat */
        uint8_t quality; /* of JPEG and WebP, 1 to 100; 0: 90 */
        double hires_scale; /* in two passes: how much larger the second is, 1 to 4; 0: in one */
        double hires_strength; /* the share of the steps that the second makes */
        uint32_t hires_steps; /* of which that is the share; 0: as of the first */
        uint8_t mask_paints; /* a MaskPaints */
        uint8_t reserved4[3];
        double mask_blur; /* how soft the mask's edges become: the deviation in its pixels, 0 to REQUEST_MASK_BLUR_MAX; 0: as they are */
        uint32_t clip_skip; /* the layer of the text encoder that is listened to, counted from the last, 1; 0: the model's */
        uint32_t n_loras;
        uint32_t outpaint[SIDE_MAX]; /* pixels by which the picture to start from grows, all of them to be painted; never
                                        with a mask */
        RequestLora loras[REQUEST_LORAS_MAX];
        uint64_t created; /* seconds since 1970, for the picture's file; 0: it says none */
        char alt_text[REQUEST_ALT_TEXT_MAX + 1]; /* for those who cannot see the picture; "": of the prompt */
        char creator[REQUEST_CREATOR_MAX + 1]; /* who has it made; "": not said */
} Request;

/* What the model made of what was left open. */
typedef struct Resolved {
        uint32_t width, height;
        uint32_t steps;
        uint32_t sampler;
        uint32_t schedule; /* SIGMA_SCHEDULE_DEFAULT: the model's */
        uint32_t precision; /* PRECISION_F32 … */
        double guidance, guidance_rescale;
        double remove_artefacts, smooth_edges, sharpen;
        uint32_t drawn_width, drawn_height; /* what the networks draw, before it is enlarged and cut */
        uint32_t enlarge; /* ENLARGE_NONE … */
        uint32_t first_width, first_height; /* what the first of two passes draws; 0: there is one */
        uint32_t second_steps; /* that the second makes; the first makes `steps` */
        uint32_t prompt_tokens; /* of the prompt that are used, marks not counted */
        uint32_t prompt_chunks; /* that the text encoder reads one by one, at least 1 */
        uint32_t truncated_tokens; /* of the prompt that did not fit, 0 if all did */
        uint32_t made_steps; /* of a picture, by all passes: those of `steps` that strength leaves, and the second's; 0: not
                              * known */
} Resolved;

/* Of so many steps those that are made with a strength; 0: all of them. */
static inline uint32_t request_steps_made(uint32_t steps, double strength)
{
        const uint32_t made = strength > 0 ? (uint32_t)(steps * strength) : steps;

        return steps > 0 && made == 0 ? 1 : made;
}

/* Of each picture, as far as that is known; 0: it is not. */
static inline uint32_t resolved_steps_made(const Resolved *resolved)
{
        return resolved->made_steps > 0 ? resolved->made_steps : resolved->steps + resolved->second_steps;
}

/* The seeds of picture i, as web UIs count them: one more a picture; with a variation strength only the variation's. */
static inline uint64_t request_picture_seed(const Request *request, uint32_t i)
{
        return request->seed + (request->variation_strength > 0 ? 0 : i);
}

static inline uint64_t request_variation_seed(const Request *request, uint32_t i)
{
        return request->variation_seed + i;
}

static inline bool request_outpaints(const Request *request)
{
        const uint32_t *sides = request->outpaint;
        return sides[SIDE_LEFT] || sides[SIDE_RIGHT] || sides[SIDE_UP] || sides[SIDE_DOWN];
}

/* Whether nothing is drawn: the picture that comes with it gets the size asked for and the final touches. */
static inline bool request_only_touches(const Request *request)
{
        return (request->inputs & 1U << INPUT_IMAGE) && request->strength == 0;
}

/* A request for one picture of "" with everything left to the model. */
void request_init(Request *request);

/* -EINVAL with a sentence that names the field as the bus does, if a field is out of its range or not valid UTF-8. */
int request_check(const Request *request, Error *error);
