/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* imagined-engine: the worker that the service starts, and, for tests and bug reports, the engine as a plain
 * command. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>

#include "base/cpu.h"
#include "base/log.h"
#include "base/tree.h"
#include "base/util.h"
#include "engine/decode.h"
#include "engine/engine.h"
#include "engine/inspect.h"
#include "engine/kernels/blas.h"
#include "engine/model/digest.h"
#include "engine/model/file.h"
#include "engine/verify.h"
#include "engine/worker.h"
#include "workers/sandbox.h"

typedef struct Options {
        int socket; /* -1: run as a command */
        const char *model_dir, *output;
        const char *from, *mask;
        unsigned threads;
        bool digest, verify, inspect, decode;
        PackFiles pack;
        Request request;
} Options;

static const char help[] =
                "Usage: imagined-engine --socket FD --model DIR [--threads N] [--verify | --digest]\n"
                "                       [--pack FD] [--new-pack FD]\n"
                "       imagined-engine --socket FD --decode\n"
                "       imagined-engine --model DIR --output FILE --prompt TEXT [SETTINGS]\n"
                "       imagined-engine --model DIR --digest\n"
                "       imagined-engine --model DIR|FILE --inspect\n"
                "\n"
                "The first two are started by imagined and speak its protocol on the socket. The third\n"
                "makes one picture, the fourth prints the model's digest, without any service.\n"
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
                "  --verify           load the model only if its files are as its SHA256SUMS says\n"
                "  --pack FD          a file with the packed weights of an earlier load\n"
                "  --new-pack FD      an empty file for them, if that one is of another build or model\n"
                "  --inspect          tell what kind of model it is and what it recommends, load nothing\n"
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
        OPTION_DECODE,
        OPTION_DIGEST,
        OPTION_INSPECT,
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
        { "decode", no_argument, NULL, OPTION_DECODE },
        { "digest", no_argument, NULL, OPTION_DIGEST },
        { "inspect", no_argument, NULL, OPTION_INSPECT },
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

static int parse_option(Options *o, int option, const char *value)
{
        Request *q = &o->request;
        SigmaSchedule schedule = SIGMA_SCHEDULE_DEFAULT;
        int r = 0;

        switch (option) {
        case OPTION_SOCKET:
                return parse_fd(value, &o->socket);
        case OPTION_MODEL:
                o->model_dir = value;
                return 0;
        case OPTION_OUTPUT:
                o->output = value;
                return 0;
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
                return r;
        case OPTION_SCHEDULE:
                r = sigma_schedule_from_string(value);
                q->schedule = r > 0 ? (uint32_t)r : 0;
                return r;
        case OPTION_FROM:
                o->from = value;
                return 0;
        case OPTION_MASK:
                o->mask = value;
                return 0;
        case OPTION_STRENGTH:
                return parse_real(value, &q->strength);
        case OPTION_ETA:
                return parse_real(value, &q->eta);
        case OPTION_WIDTH:
                return parse_u32(value, REQUEST_SIZE_MAX, &q->width);
        case OPTION_HEIGHT:
                return parse_u32(value, REQUEST_SIZE_MAX, &q->height);
        case OPTION_THREADS:
                return parse_u32(value, 1024, &o->threads);
        case OPTION_DECODE:
                o->decode = true;
                return 0;
        case OPTION_DIGEST:
                o->digest = true;
                return 0;
        case OPTION_INSPECT:
                o->inspect = true;
                return 0;
        case OPTION_VERIFY:
                o->verify = true;
                return 0;
        case OPTION_PACK:
                return parse_fd(value, &o->pack.old_fd);
        case OPTION_NEW_PACK:
                return parse_fd(value, &o->pack.new_fd);
        default:
                return -EINVAL;
        }
}

/* 1: go on; 0: all done; -EINVAL after a message. */
static int parse_options(Options *o, int argc, char **argv)
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
        if (optind == argc && o->decode && o->socket >= 0 && !o->model_dir && !o->output)
                return 1;
        if (optind < argc || o->decode || !o->model_dir || (o->socket >= 0) + (o->output != NULL) > 1 ||
            (o->socket < 0 && (o->output != NULL) + o->digest + o->inspect != 1)) {
                log_error("Either --socket, --output, --digest or --inspect, and --model, or --socket and --decode; see --help");
                return -EINVAL;
        }
        return 1;
}

static int write_file(const char *path, const void *data, size_t size)
{
        _cleanup_(fclosep) FILE *f = fopen(path, "we");
        if (!f)
                return log_error_errno(-errno, "Cannot open %s", path);
        if (fwrite(data, 1, size, f) != size || fflush(f) != 0)
                return log_error_errno(-errno, "Cannot write %s", path);
        return 0;
}

static int read_file(const char *path, const char *field, ReadPicture *ret)
{
        _cleanup_(mapped_file_done) MappedFile file = {};
        Error error = {};

        int r = mapped_file_open(&file, path, READ_BYTES_MAX, &error);
        if (r >= 0)
                r = read_picture(ret, field, file.data, file.size, &error);
        if (r < 0)
                log_error("%s", error.text);
        return r;
}

static int read_source(Options *o, ReadPicture *ret_picture, ReadPicture *ret_mask)
{
        if (o->from && o->request.strength <= 0)
                o->request.strength = 0.75;
        int r = o->from ? read_file(o->from, "from", ret_picture) : 0;
        if (r >= 0 && o->mask)
                r = read_file(o->mask, "mask", ret_mask);
        return r;
}

static int make_picture(Options *o)
{
        _cleanup_(engine_freep) Engine *engine = NULL;
        _cleanup_(picture_done) Picture picture = {};
        _cleanup_(read_picture_done) ReadPicture from = {}, mask = {};
        _cleanup_(freep) void *data = NULL;
        size_t size;
        Resolved resolved;
        Error error = {};

        int r = read_source(o, &from, &mask);
        if (r < 0)
                return r;
        r = engine_new(&engine, o->model_dir, o->threads, &error);
        if (r >= 0)
                engine_set_source(engine, o->from ? &from : NULL, o->mask ? &mask : NULL);
        if (r < 0 || (r = engine_resolve(engine, &o->request, &resolved, &error)) < 0 ||
            (r = engine_generate(engine, &o->request, 0, NULL, &picture, &error)) < 0 ||
            (r = engine_encode(engine, &picture, &o->request, &resolved, 0, &data, &size, &error)) < 0) {
                log_error("%s", error.text);
                return r;
        }
        if (resolved.truncated_tokens > 0)
                log_warning("The last %u tokens of the prompt did not fit", resolved.truncated_tokens);
        return write_file(o->output, data, size);
}

/* In the manner of sha256sum. */
static int inspect(const char *model)
{
        Error error = {};
        int r = sandbox_enter(model, 0, &error);

        if (r >= 0)
                r = inspect_model(model, stdout, &error);
        if (r < 0)
                log_error("%s", error.text);
        return r < 0 || fflush(stdout) == 0 ? r : -EIO;
}

static int print_digest(const char *model_dir)
{
        static const char *const checks[] = {
                [DIGEST_UNLISTED] = "unlisted",
                [DIGEST_VERIFIED] = "verified",
                [DIGEST_MISMATCH] = "mismatch",
        };
        ModelDigest digest;
        Error error = {};

        int r = model_digest(&digest, model_dir, &error);
        if (r < 0) {
                log_error("%s", error.text);
                return r;
        }
        if (printf("%s  %s\n", digest.digest, checks[digest.check]) < 0 || fflush(stdout) != 0)
                return -EIO;
        if (digest.check != DIGEST_MISMATCH)
                return 0;
        log_error("%s", digest.difference);
        return -EBADMSG;
}

/* What packed weights may take: weights of four bits become such of sixteen. 0: there will be none. */
static uint64_t pack_bytes_max(const Options *o)
{
        _cleanup_(tree_done) Tree tree = {};

        if (o->pack.new_fd < 0 || tree_read(&tree, o->model_dir) < 0)
                return 0;
        return 5 * tree.size;
}

/* What the service asks for. */
static int serve(const Options *o)
{
        /* Blocking: both threads may wait for a service that reads slowly. */
        (void)fcntl(o->pack.old_fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(o->pack.new_fd, F_SETFD, FD_CLOEXEC);
        if (fcntl(o->socket, F_SETFD, FD_CLOEXEC) < 0 || fcntl(o->socket, F_SETFL, 0) < 0)
                return log_error_errno(-errno, "Cannot use the socket");
        Error error = {};
        int entered = o->decode ? sandbox_enter_to_decode(&error)
                                : sandbox_enter(o->model_dir, pack_bytes_max(o), &error);
        if (entered < 0) {
                log_error("%s", error.text);
                return entered;
        }
        if (o->decode)
                return decode_run(o->socket);
        if (o->digest)
                return verify_tell_digest(o->socket, o->model_dir);
        int r = o->verify ? verify_model(o->socket, o->model_dir) : 0;
        return r < 0 ? r : worker_run(o->socket, o->model_dir, o->threads, &o->pack);
}

int main(int argc, char **argv)
{
        static Options options = { .socket = -1, .pack = { .old_fd = -1, .new_fd = -1 } }; /* two prompts are much for a stack */

        /* Threads that spin at barriers lose much when the processors have other work. It is heeded at the program's
         * start: the service sets it, and otherwise blas_ensure_core starts the program anew. */
        (void)setenv("OMP_WAIT_POLICY", "passive", 0);
        (void)setenv("GOMP_SPINCOUNT", CPU_SPINS, 0);
        int r = blas_ensure_core(argv);
        if (r < 0)
                (void)log_warning_errno(r, "Cannot choose OpenBLAS' kernels, it may be slow");

        request_init(&options.request);
        r = parse_options(&options, argc, argv);
        if (r <= 0)
                return r < 0 ? 2 : 0;

        if (options.socket >= 0)
                r = serve(&options);
        else if (options.output)
                r = make_picture(&options);
        else if (options.inspect)
                r = inspect(options.model_dir);
        else
                r = print_digest(options.model_dir);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
