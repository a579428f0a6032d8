/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "engine/main-options.h"

static const char help[] =
                "Usage: imagined-engine --socket FD --model DIR [--threads N] [--verify | --digest]\n"
                "                       [--precision WHICH] [--pack FD] [--new-pack FD]\n"
                "       imagined-engine --socket FD --decode\n"
                "       imagined-engine --shrink N [--lossless] <PICTURE >JPEG\n"
                "       imagined-engine --model DIR --output FILE --prompt TEXT [SETTINGS]\n"
                "       imagined-engine --model DIR --digest\n"
                "       imagined-engine --model DIR|FILE --inspect [--json]\n"
                "\n"
                "The first two are started by imagined and speak its protocol on the socket, the third is\n"
                "imagine's. The fourth makes one picture, the fifth prints the model's digest, without any service: they are\n"
                "for tests and bug reports, and know the settings below; imagine knows all.\n"
                "\n"
                "  --model DIR        a model's folder in the Diffusers layout\n"
                "  --output FILE      the PNG to write\n"
                "  --prompt TEXT      what to draw\n"
                "  --negative TEXT    what to avoid\n"
                "  --seed N           (0)\n"
                "  --steps N          the model's own, if not given; so are the following\n"
                "  --guidance X\n"
                "  --sampler NAME     ddim, euler, euler-a, heun, dpm2, dpm2-a, dpm++-2s-a, dpm++-2m, dpm++-2m-sde,\n"
                "                     dpm++-sde, lms, ddpm, pndm, unipc, lcm, or as web UIs call them\n"
                "  --schedule NAME    normal, karras, exponential, sgm-uniform, simple, beta\n"
                "  --eta X            0 to 1\n"
                "  --from FILE        a PNG, JPEG or WebP to start from\n"
                "  --mask FILE        what of it is to be painted: what is bright, or transparent\n"
                "  --strength X       how much of it is painted anew, 0 to 1 (0.75)\n"
                "  --width N, --height N\n"
                "  --threads N        one for each processor, if not given\n"
                "  --precision WHICH  auto, f32, bf16 or int8; of a worker: where neither job nor model says\n"
                "  --verify           load the model only if its files are as its SHA256SUMS says\n"
                "  --pack FD          a file with the packed weights of an earlier load\n"
                "  --new-pack FD      an empty file for them, if that one is of another build or model\n"
                "  --inspect          tell what kind of model it is and what it recommends, load nothing\n"
                "  --json             the same for programs\n"
                "  --shrink N         have none either, make a small JPEG of a picture; N pixels at most\n"
                "  --lossless         with --shrink: a PNG\n"
                "  --decode           have no model, make pixels of pictures\n"
                "  --digest           tell the digest of the model's files, load nothing\n"
                "  --help, --version\n";

enum {
        OPTION_SOCKET = 256,
        OPTION_MODEL,
        OPTION_OUTPUT,
        OPTION_PROMPT,
        OPTION_NEGATIVE,
        OPTION_SEED,
        OPTION_STEPS,
        OPTION_GUIDANCE,
        OPTION_SAMPLER,
        OPTION_SCHEDULE,
        OPTION_ETA,
        OPTION_FROM,
        OPTION_MASK,
        OPTION_STRENGTH,
        OPTION_WIDTH,
        OPTION_HEIGHT,
        OPTION_THREADS,
        OPTION_PRECISION,
        OPTION_DECODE,
        OPTION_SHRINK,
        OPTION_LOSSLESS,
        OPTION_DIGEST,
        OPTION_INSPECT,
        OPTION_JSON,
        OPTION_VERIFY,
        OPTION_PACK,
        OPTION_NEW_PACK,
        OPTION_HELP,
        OPTION_VERSION,
};

static const struct option long_options[] = {
        { "socket", required_argument, NULL, OPTION_SOCKET },
        { "model", required_argument, NULL, OPTION_MODEL },
        { "output", required_argument, NULL, OPTION_OUTPUT },
        { "prompt", required_argument, NULL, OPTION_PROMPT },
        { "negative", required_argument, NULL, OPTION_NEGATIVE },
        { "seed", required_argument, NULL, OPTION_SEED },
        { "steps", required_argument, NULL, OPTION_STEPS },
        { "guidance", required_argument, NULL, OPTION_GUIDANCE },
        { "sampler", required_argument, NULL, OPTION_SAMPLER },
        { "schedule", required_argument, NULL, OPTION_SCHEDULE },
        { "eta", required_argument, NULL, OPTION_ETA },
        { "from", required_argument, NULL, OPTION_FROM },
        { "mask", required_argument, NULL, OPTION_MASK },
        { "strength", required_argument, NULL, OPTION_STRENGTH },
        { "width", required_argument, NULL, OPTION_WIDTH },
        { "height", required_argument, NULL, OPTION_HEIGHT },
        { "threads", required_argument, NULL, OPTION_THREADS },
        { "precision", required_argument, NULL, OPTION_PRECISION },
        { "decode", no_argument, NULL, OPTION_DECODE },
        { "shrink", required_argument, NULL, OPTION_SHRINK },
        { "lossless", no_argument, NULL, OPTION_LOSSLESS },
        { "digest", no_argument, NULL, OPTION_DIGEST },
        { "inspect", no_argument, NULL, OPTION_INSPECT },
        { "json", no_argument, NULL, OPTION_JSON },
        { "verify", no_argument, NULL, OPTION_VERIFY },
        { "pack", required_argument, NULL, OPTION_PACK },
        { "new-pack", required_argument, NULL, OPTION_NEW_PACK },
        { "help", no_argument, NULL, OPTION_HELP },
        { "version", no_argument, NULL, OPTION_VERSION },
        {},
};

static int parse_number(const char *text, uint64_t max, uint64_t *ret)
{
        char *end;

        errno = 0;
        unsigned long long n = strtoull(text, &end, 10);
        if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n > max)
                return -EINVAL;
        *ret = n;
        return 0;
}

static int parse_u32(const char *text, uint32_t max, uint32_t *ret)
{
        uint64_t n;
        int r = parse_number(text, max, &n);

        if (r >= 0)
                *ret = (uint32_t)n;
        return r;
}

static int parse_real(const char *text, double *ret)
{
        char *end;
        double x = strtod(text, &end);

        if (end == text || *end != '\0')
                return -EINVAL;
        *ret = x;
        return 0;
}

static int parse_text(const char *text, char ret[static REQUEST_PROMPT_MAX + 1])
{
        if (strlen(text) > REQUEST_PROMPT_MAX)
                return -EINVAL;
        memcpy(ret, text, strlen(text) + 1);
        return 0;
}

static int parse_fd(const char *text, int *ret)
{
        uint32_t n = 0;
        int r = parse_u32(text, INT32_MAX, &n);

        if (r >= 0)
                *ret = (int)n;
        return r;
}

static int parse_precision(const char *text, uint8_t *ret)
{
        int precision = precision_from_string(text);

        if (precision >= 0)
                *ret = (uint8_t)precision;
        return MIN(precision, 0);
}

/* What the picture is to be; -ENOENT: the option is about something else. */
static int parse_setting(Request *q, int option, const char *value)
{
        SigmaSchedule schedule = SIGMA_SCHEDULE_DEFAULT;
        int r = 0;

        switch (option) {
        case OPTION_PROMPT:
                return parse_text(value, q->prompt);
        case OPTION_NEGATIVE:
                return parse_text(value, q->negative_prompt);
        case OPTION_SEED:
                return parse_number(value, UINT64_MAX, &q->seed);
        case OPTION_STEPS:
                return parse_u32(value, REQUEST_STEPS_MAX, &q->steps);
        case OPTION_GUIDANCE:
                return parse_real(value, &q->guidance);
        case OPTION_SAMPLER:
                r = sampler_from_string(value, &schedule);
                q->sampler = r > 0 ? (uint32_t)r : 0;
                q->schedule = q->schedule ? q->schedule : (uint32_t)schedule;
                return MIN(r, 0);
        case OPTION_SCHEDULE:
                r = sigma_schedule_from_string(value);
                q->schedule = r > 0 ? (uint32_t)r : 0;
                return MIN(r, 0);
        case OPTION_STRENGTH:
                return parse_real(value, &q->strength);
        case OPTION_ETA:
                return parse_real(value, &q->eta);
        case OPTION_WIDTH:
                return parse_u32(value, REQUEST_SIZE_MAX, &q->width);
        case OPTION_HEIGHT:
                return parse_u32(value, REQUEST_SIZE_MAX, &q->height);
        case OPTION_PRECISION:
                return parse_precision(value, &q->precision);
        default:
                return -ENOENT;
        }
}

/* What this process is to do, and with which files. */
static int parse_task(MainOptions *o, int option, const char *value)
{
        switch (option) {
        case OPTION_SOCKET:
                return parse_fd(value, &o->socket);
        case OPTION_MODEL:
                o->model_dir = value;
                return 0;
        case OPTION_OUTPUT:
                o->output = value;
                return 0;
        case OPTION_FROM:
                o->from = value;
                return 0;
        case OPTION_MASK:
                o->mask = value;
                return 0;
        case OPTION_THREADS:
                return parse_u32(value, 1024, &o->threads);
        case OPTION_SHRINK:
                return parse_u32(value, REQUEST_SIZE_MAX, &o->shrink);
        case OPTION_PACK:
                return parse_fd(value, &o->pack.old_fd);
        case OPTION_NEW_PACK:
                return parse_fd(value, &o->pack.new_fd);
        default:
                return -ENOENT;
        }
}

static bool *flag_of(MainOptions *o, int option)
{
        switch (option) {
        case OPTION_DECODE:
                return &o->decode;
        case OPTION_DIGEST:
                return &o->digest;
        case OPTION_INSPECT:
                return &o->inspect;
        case OPTION_JSON:
                return &o->json;
        case OPTION_LOSSLESS:
                return &o->lossless;
        case OPTION_VERIFY:
                return &o->verify;
        default:
                return NULL;
        }
}

static int parse_option(MainOptions *o, int option, const char *value)
{
        bool *flag = flag_of(o, option);

        if (flag) {
                *flag = true;
                return 0;
        }
        int r = parse_setting(&o->request, option, value);
        return r == -ENOENT ? parse_task(o, option, value) : r;
}

int main_options_parse(MainOptions *o, int argc, char **argv)
{
        for (int option, index; (option = getopt_long(argc, argv, "", long_options, &index)) >= 0;) {
                if (option == OPTION_HELP)
                        return fputs(help, stdout) < 0 ? -EIO : 0;
                if (option == OPTION_VERSION)
                        return puts("imagined-engine " VERSION) < 0 ? -EIO : 0;
                if (option == '?')
                        return -EINVAL;
                if (parse_option(o, option, optarg) < 0) {
                        log_error("--%s: %s is not valid", long_options[index].name, optarg);
                        return -EINVAL;
                }
        }
        if (optind == argc && o->shrink > 0 && argc == 3 + o->lossless)
                return 1;
        if (optind == argc && o->decode && o->socket >= 0 && !o->model_dir && !o->output)
                return 1;
        if (optind < argc || o->decode || !o->model_dir || (o->socket >= 0) + (o->output != NULL) > 1 ||
            (o->socket < 0 && (o->output != NULL) + o->digest + o->inspect != 1)) {
                log_error("Either --socket, --output, --digest or --inspect, and --model, or --socket and --decode; see --help");
                return -EINVAL;
        }
        return 1;
}
