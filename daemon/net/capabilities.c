/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/request.h"
#include "base/util.h"
#include "net/capabilities.h"
#include "net/placeholders.h"

#define PNG (1U << FORMAT_PNG)
#define ALL_FORMATS (PNG | 1U << FORMAT_JPEG | 1U << FORMAT_WEBP)
#define WORDS(...) ((const char *const[]) { __VA_ARGS__, NULL })
#define SIZES(table) .sizes = (table), .n_sizes = ELEMENTSOF(table)
#define SEED_32 4294967294U /* Stability's */
#define ANY_SIZE(min, max, step) .side_min = (min), .side_max = (max), .side_step = (step)

static const NetSize gpt_sizes[] = {
        { "1024x1024", 1024, 1024 }, { "1536x1024", 1536, 1024 }, { "1024x1536", 1024, 1536 },
};
static const NetSize dalle3_sizes[] = {
        { "1024x1024", 1024, 1024 }, { "1792x1024", 1792, 1024 }, { "1024x1792", 1024, 1792 },
};
static const NetSize dalle2_sizes[] = {
        { "1024x1024", 1024, 1024 }, { "512x512", 512, 512 }, { "256x256", 256, 256 },
};

/* About a megapixel each. */
static const NetSize stability_sizes[] = {
        { "1:1", 1024, 1024 }, { "16:9", 1344, 756 }, { "21:9", 1533, 657 }, { "2:3", 832, 1248 }, { "3:2", 1248, 832 },
        { "4:5", 912, 1140 },  { "5:4", 1140, 912 },  { "9:16", 756, 1344 }, { "9:21", 657, 1533 },
};

static const NetSize runway_sizes[] = {
        { "1024:1024", 1024, 1024 }, { "1080:1080", 1080, 1080 }, { "1168:880", 1168, 880 },   { "1360:768", 1360, 768 },
        { "1440:1080", 1440, 1080 }, { "1080:1440", 1080, 1440 }, { "1808:768", 1808, 768 },   { "1920:1080", 1920, 1080 },
        { "1080:1920", 1080, 1920 }, { "2112:912", 2112, 912 },   { "1280:720", 1280, 720 },   { "720:1280", 720, 1280 },
        { "720:720", 720, 720 },     { "960:720", 960, 720 },     { "720:960", 720, 960 },     { "1680:720", 1680, 720 },
};

static const char *const stability_styles[] = {
        "3d-model", "analog-film", "anime", "cinematic", "comic-book", "digital-art", "enhance", "fantasy-art", "isometric",
        "line-art", "low-poly", "modeling-compound", "neon-punk", "origami", "photographic", "pixel-art", "tile-texture", NULL,
};

#define GPT_OPTIONS \
        (NET_OPTION_PICTURE | NET_OPTION_MASK | NET_OPTION_PREVIEWS | NET_OPTION_COMPRESSION | NET_OPTION_QUALITY | \
         NET_OPTION_BACKGROUND | NET_OPTION_MODERATION)
#define GPT                                                                                                              \
        .options = GPT_OPTIONS, SIZES(gpt_sizes), .count_max = 10, .formats = ALL_FORMATS, .mask = NET_MASK_CLEAR,         \
        .qualities = WORDS("auto", "low", "medium", "high"), .backgrounds = WORDS("auto", "transparent", "opaque"),       \
        .moderations = WORDS("auto", "low"), .prompt_max = 32000
#define SD_OPTIONS \
        (NET_OPTION_SEED | NET_OPTION_NEGATIVE | NET_OPTION_STEPS | NET_OPTION_GUIDANCE | NET_OPTION_PICTURE | NET_OPTION_STRENGTH)

/* Of a dialect, the first whose model is the beginning of the asked one. */
static const Capabilities table[] = {
        { NET_DIALECT_OPENAI_IMAGES, "gpt-image", GPT },
        { NET_DIALECT_OPENAI_IMAGES, "chatgpt-image", GPT },
        { NET_DIALECT_OPENAI_IMAGES, "dall-e-3", NET_OPTION_QUALITY | NET_OPTION_STYLE, SIZES(dalle3_sizes), .count_max = 1,
          .formats = PNG, .qualities = WORDS("standard", "hd"), .styles = WORDS("vivid", "natural"), .prompt_max = 4000 },
        { NET_DIALECT_OPENAI_IMAGES, "dall-e-2", NET_OPTION_PICTURE | NET_OPTION_MASK, SIZES(dalle2_sizes), .count_max = 10,
          .formats = PNG, .mask = NET_MASK_CLEAR, .prompt_max = 1000 },
        /* What vLLM-Omni, LocalAI and our own bridge take beyond OpenAI's fields; other servers ignore it. */
        { NET_DIALECT_OPENAI_IMAGES, "",
          SD_OPTIONS | NET_OPTION_MASK | NET_OPTION_PREVIEWS | NET_OPTION_QUALITY | NET_OPTION_STYLE | NET_OPTION_BACKGROUND,
          ANY_SIZE(64, 4096, 8), .count_max = 10, .formats = ALL_FORMATS, .mask = NET_MASK_CLEAR, .declares_itself = true },
        { NET_DIALECT_WEBUI, "", SD_OPTIONS | NET_OPTION_MASK | NET_OPTION_PREVIEWS | NET_OPTION_STYLE, ANY_SIZE(64, 2048, 8),
          .count_max = 8, .formats = PNG, .mask = NET_MASK_BRIGHT, .cancels = true },
        { NET_DIALECT_STABILITY, "sd3", SD_OPTIONS & ~NET_OPTION_STEPS, SIZES(stability_sizes), .sizes_are_shapes = true,
          .seed_max = SEED_32, .count_max = 1, .formats = PNG | 1U << FORMAT_JPEG, .prompt_max = 10000 },
        { NET_DIALECT_STABILITY, "ultra",
          NET_OPTION_SEED | NET_OPTION_NEGATIVE | NET_OPTION_STYLE | NET_OPTION_PICTURE | NET_OPTION_STRENGTH,
          SIZES(stability_sizes), .sizes_are_shapes = true, .seed_max = SEED_32, .count_max = 1, .formats = ALL_FORMATS,
          .styles = stability_styles, .prompt_max = 10000 },
        { NET_DIALECT_STABILITY, "inpaint",
          NET_OPTION_SEED | NET_OPTION_NEGATIVE | NET_OPTION_STYLE | NET_OPTION_PICTURE | NET_OPTION_MASK, ANY_SIZE(64, 2048, 1),
          .seed_max = SEED_32, .count_max = 1, .formats = ALL_FORMATS, .mask = NET_MASK_BRIGHT, .styles = stability_styles, .prompt_max = 10000 },
        { NET_DIALECT_STABILITY, "", NET_OPTION_SEED | NET_OPTION_NEGATIVE | NET_OPTION_STYLE, SIZES(stability_sizes),
          .sizes_are_shapes = true, .seed_max = SEED_32, .count_max = 1, .formats = ALL_FORMATS, .styles = stability_styles, .prompt_max = 10000 },
        { NET_DIALECT_RUNWAY, "", NET_OPTION_SEED | NET_OPTION_PICTURE | NET_OPTION_MODERATION, SIZES(runway_sizes),
          .seed_max = UINT32_MAX, .count_max = 1, .formats = PNG, .moderations = WORDS("auto", "low"), .prompt_max = 1000, .cancels = true },
        { NET_DIALECT_MIDJOURNEY_PROXY, "",
          NET_OPTION_SEED | NET_OPTION_NEGATIVE | NET_OPTION_PICTURE | NET_OPTION_QUALITY | NET_OPTION_STYLE,
          ANY_SIZE(64, 4096, 1), .sizes_are_shapes = true, .seed_max = UINT32_MAX, .count_max = 1, .formats = PNG, .prompt_max = 6000 },
        { NET_DIALECT_COMFYUI, "", SD_OPTIONS | NET_OPTION_MASK | NET_OPTION_STYLE, ANY_SIZE(64, 4096, 8), .count_max = 8,
          .formats = PNG, .mask = NET_MASK_BRIGHT, .cancels = true, .declares_itself = true },
        { NET_DIALECT_PROGRAM, "", NET_OPTION_END - 1, ANY_SIZE(16, NET_SIDE_MAX, 1), .count_max = NET_COUNT_MAX,
          .formats = ALL_FORMATS, .mask = NET_MASK_BRIGHT, .cancels = true, .declares_itself = true },
};

Capabilities capabilities_of_workflow(const Capabilities *can, const char *text)
{
        static const struct {
                const char *placeholder;
                NetOption option;
        } places[] = {
                { "seed", NET_OPTION_SEED }, { "negative_prompt", NET_OPTION_NEGATIVE }, { "steps", NET_OPTION_STEPS },
                { "guidance", NET_OPTION_GUIDANCE }, { "image", NET_OPTION_PICTURE }, { "strength", NET_OPTION_STRENGTH },
                { "mask", NET_OPTION_MASK }, { "style", NET_OPTION_STYLE },
        };
        Capabilities ret = *can;

        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                if (!placeholders_have(text, places[i].placeholder))
                        ret.options &= ~(uint32_t)places[i].option;
        if (!placeholders_have(text, "width") || !placeholders_have(text, "height"))
                ret.side_min = ret.side_max = ret.side_step = 0;
        return ret;
}

static const char *const option_names[] = {
        "seed", "negative-prompt", "steps", "guidance", "init-image", "strength", "mask", "previews", "compression", "quality",
        "style", "background", "moderation",
};
_Static_assert(1U << ELEMENTSOF(option_names) == NET_OPTION_END, "each option has a name");

const char *net_option_to_string(NetOption option)
{
        return option_names[__builtin_ctz(option)];
}

const Capabilities *capabilities_get(NetDialect dialect, const char *model)
{
        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (table[i].dialect == dialect && strncmp(table[i].model, model, strlen(table[i].model)) == 0)
                        return &table[i];
        return NULL;
}

const NetSize *capabilities_find_size(const Capabilities *can, uint32_t width, uint32_t height)
{
        for (size_t i = 0; i < can->n_sizes; i++)
                if (can->sizes[i].width == width && can->sizes[i].height == height)
                        return &can->sizes[i];
        return NULL;
}

/* How unlike two sizes are: a wrong shape is worse than a wrong number of pixels. */
static double distance(const Capabilities *can, const NetSize *size, double width, double height)
{
        double shape = fabs(log((double)size->width / size->height * height / width));
        double area = fabs(log((double)size->width * size->height / (width * height)));

        return 4 * shape + (can->sizes_are_shapes ? 0 : area);
}

static NetSize nearest(const Capabilities *can, uint32_t width, uint32_t height)
{
        const NetSize *best = can->sizes;

        for (size_t i = 1; i < can->n_sizes; i++)
                if (distance(can, &can->sizes[i], width, height) < distance(can, best, width, height))
                        best = &can->sizes[i];
        return *best;
}

static uint32_t nearest_side(const Capabilities *can, double side)
{
        side = MIN(MAX(side, (double)can->side_min), (double)can->side_max);
        return (uint32_t)lround(side / can->side_step) * can->side_step;
}

/* Both sides are scaled alike where one is out of the range. */
static NetSize nearest_free(const Capabilities *can, uint32_t width, uint32_t height)
{
        double scale = MIN(1.0, (double)can->side_max / MAX(width, height));

        scale = MAX(scale, (double)can->side_min / MIN(width, height));
        return (NetSize) { "", nearest_side(can, width * scale), nearest_side(can, height * scale) };
}

static void fit_size(const Capabilities *can, NetDraw *draw, NetFitting *ret)
{
        NetSize size = { "", 0, 0 };

        if (draw->width > 0 && can->n_sizes > 0)
                size = nearest(can, draw->width, draw->height);
        else if (draw->width > 0 && can->side_max > 0)
                size = nearest_free(can, draw->width, draw->height);
        else if (can->n_sizes > 0)
                size = can->sizes[0];
        ret->resized = draw->width > 0 && (size.width != draw->width || size.height != draw->height);
        draw->width = size.width;
        draw->height = size.height;
}

/* NetOption: what is asked, apart from words. */
static uint32_t asked_options(const NetAsk *ask, uint32_t parts)
{
        const NetDraw *draw = &ask->draw;
        const struct {
                NetOption option;
                bool is_asked;
        } all[] = {
                { NET_OPTION_SEED, ask->flags & NET_ASK_SEED },
                { NET_OPTION_NEGATIVE, parts & 1U << NET_PART_NEGATIVE },
                { NET_OPTION_STEPS, draw->steps > 0 },
                { NET_OPTION_GUIDANCE, draw->guidance >= 0 },
                { NET_OPTION_PICTURE, parts & 1U << NET_PART_PICTURE },
                { NET_OPTION_STRENGTH, draw->strength >= 0 && parts & 1U << NET_PART_PICTURE },
                { NET_OPTION_MASK, parts & 1U << NET_PART_MASK },
                { NET_OPTION_COMPRESSION, draw->compression > 0 },
                { NET_OPTION_QUALITY, draw->quality[0] },
                { NET_OPTION_STYLE, draw->style[0] },
                { NET_OPTION_BACKGROUND, draw->background[0] },
                { NET_OPTION_MODERATION, draw->moderation[0] },
        };
        uint32_t asked = 0;

        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                asked |= all[i].is_asked ? all[i].option : 0;
        return asked;
}

/* A word of which the server knows some, and where it stands. */
typedef struct Word {
        NetOption option;
        char *text;
        const char *const *known;
} Word;
#define N_WORDS 4

static void list_words(const Capabilities *can, NetDraw *draw, Word ret[static N_WORDS])
{
        ret[0] = (Word) { NET_OPTION_QUALITY, draw->quality, can->qualities };
        ret[1] = (Word) { NET_OPTION_STYLE, draw->style, can->styles };
        ret[2] = (Word) { NET_OPTION_BACKGROUND, draw->background, can->backgrounds };
        ret[3] = (Word) { NET_OPTION_MODERATION, draw->moderation, can->moderations };
}

static bool is_known(const Word *word)
{
        for (const char *const *known = word->known; known && *known; known++)
                if (streq(*known, word->text))
                        return true;
        return !word->known || word->text[0] == '\0';
}

static void append(char text[static 256], const char *separator, const char *more)
{
        size_t n = strlen(text);
        (void)snprintf(text + n, 256 - n, "%s%s", n > 0 ? separator : "", more);
}

static int refuse_word(const Word *word, Error *error)
{
        char known[256] = "";

        for (const char *const *k = word->known; *k; k++)
                append(known, ", ", *k);
        return error_set(error, NET_UNSUPPORTED, "The server has no %s %s; it has %s", net_option_to_string(word->option), word->text, known);
}

static int refuse_options(uint32_t options, Error *error)
{
        char names[256] = "";

        for (uint32_t bit = 1; bit < NET_OPTION_END; bit <<= 1)
                if (options & bit)
                        append(names, ", ", net_option_to_string((NetOption)bit));
        return error_set(error, NET_UNSUPPORTED, "The server does not have: %s", names);
}

static void drop(NetAsk *ask, uint32_t options)
{
        Word words[N_WORDS];

        list_words(&(Capabilities) {}, &ask->draw, words);
        for (size_t i = 0; i < N_WORDS; i++)
                if (options & words[i].option)
                        words[i].text[0] = '\0';
        if (options & NET_OPTION_SEED)
                ask->flags &= ~(uint32_t)NET_ASK_SEED;
        if (options & NET_OPTION_STEPS)
                ask->draw.steps = 0;
        if (options & NET_OPTION_GUIDANCE)
                ask->draw.guidance = -1;
        if (options & NET_OPTION_STRENGTH)
                ask->draw.strength = -1;
        if (options & NET_OPTION_COMPRESSION)
                ask->draw.compression = 0;
}

static uint64_t last_seed(const Capabilities *can)
{
        return can->seed_max > 0 ? can->seed_max : INT64_MAX;
}

static bool seeds_fit(const Capabilities *can, const NetAsk *ask)
{
        const uint64_t last = last_seed(can), more = MAX(ask->count, 1U) - 1;

        return !(ask->flags & NET_ASK_SEED) || (ask->seed <= last && more <= last - ask->seed);
}

int capabilities_fit(const Capabilities *can, NetAsk *ask, uint32_t parts, bool best_effort, NetFitting *ret, Error *error)
{
        NetAsk fitted = *ask;
        NetFitting fitting = { .dropped = asked_options(ask, parts) & ~can->options };
        Word words[N_WORDS];

        if (fitting.dropped && !best_effort)
                return refuse_options(fitting.dropped, error);
        if (!seeds_fit(can, ask)) {
                if (!best_effort)
                        return error_set(error, NET_UNSUPPORTED, "The server takes seeds up to %" PRIu64, last_seed(can));
                fitting.dropped |= NET_OPTION_SEED;
        }
        drop(&fitted, fitting.dropped);
        list_words(can, &fitted.draw, words);
        for (size_t i = 0; i < N_WORDS; i++) {
                if (is_known(&words[i]))
                        continue;
                if (!best_effort)
                        return refuse_word(&words[i], error);
                words[i].text[0] = '\0';
                fitting.dropped |= words[i].option;
        }
        /* Nobody is told less than was asked for: what comes is finished here, and previews are a courtesy. */
        if (!(can->formats & 1U << fitted.draw.format))
                fitted.draw.format = FORMAT_PNG;
        if (!(can->options & NET_OPTION_PREVIEWS))
                fitted.draw.previews = 0;
        fit_size(can, &fitted.draw, &fitting);
        *ask = fitted;
        *ret = fitting;
        return 0;
}

int capabilities_check_prompt(const Capabilities *can, const char *prompt, Error *error)
{
        size_t n = 0;

        for (const char *p = prompt; *p; p++)
                n += ((unsigned char)*p & 0xc0) != 0x80;
        if (can->prompt_max > 0 && n > can->prompt_max)
                return error_set(error, -EINVAL, "The prompt has %zu characters; the server takes %u", n, can->prompt_max);
        return 0;
}
