/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A worker without a model: it draws a gradient, or does what a worker must not (stub-modes.h). */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/memfd.h"
#include "base/util.h"
#include "stub-decode.h"
#include "stub-digest.h"
#include "stub-draw.h"
#include "stub-modes.h"
#include "workers/protocol.h"
#include "workers/sandbox.h"

typedef struct Stub {
        int socket;
        Mode mode;
        const char *directory;
        Precision precision; /* --precision */
        /* of the job at work */
        uint64_t job; /* 0: none */
        Request request;
        Resolved resolved;
        bool cancelled, wants_preview, is_to_park;
        uint64_t resume_job; /* of RESUME */
        uint32_t resume_picture, resume_step;
        bool is_lost; /* it does nothing more than to answer */
        uint64_t done;
        uint64_t input_job; /* of the last INPUT */
        uint8_t tints[INPUT_MAX]; /* the first bytes of the pictures that it starts from */
} Stub;

static void say(const Stub *stub, Message *message, MessageType type, int fd)
{
        message->version = PROTOCOL_VERSION;
        message->type = type;
        if (type != MESSAGE_READY && type != MESSAGE_PONG && message->job == 0)
                message->job = stub->job;
        if (protocol_send(stub->socket, message, fd) < 0)
                _exit(0);
}

static void fail_load(const Stub *stub, int code, const char *text)
{
        Message message = { .version = PROTOCOL_VERSION, .type = MESSAGE_FAILED, .failed = { .code = code } };
        (void)snprintf(message.failed.text, sizeof(message.failed.text), "%s", text);
        (void)protocol_send(stub->socket, &message, -1);
        _exit(1);
}

static void sleep_ms(int ms)
{
        (void)poll(NULL, 0, ms);
}

static void hang(void)
{
        for (;;)
                (void)pause();
}

/* The end of the socket: good workers end. */
static void leave(const Stub *stub)
{
        if (stub->mode == LINGERS)
                hang();
        _exit(0);
}

/* What the stub's states hold: the steps that are done. */
static uint32_t step_of(int fd)
{
        uint32_t step = 0;
        if (pread(fd, &step, sizeof(step), 0) != sizeof(step))
                _exit(7);
        return step;
}

static void send_state(Stub *stub, uint32_t picture, uint32_t step)
{
        Message message = { .state = { picture, step } };
        int fd = memfd_new_sealed("state", &step, sizeof(step));
        say(stub, &message, MESSAGE_STATE, fd);
        (void)close(fd);
}

static void take(Stub *stub, const Message *message, int fd)
{
        Message answer = {};

        switch (message->type) {
        case MESSAGE_PING:
                stub->done += !stub->is_lost;
                answer.pong = (Pong) { message->ping, stub->done, clock_usec(CLOCK_PROCESS_CPUTIME_ID) };
                say(stub, &answer, MESSAGE_PONG, -1);
                break;
        case MESSAGE_CANCEL:
                stub->cancelled = stub->mode != STUBBORN && message->job == stub->job;
                break;
        case MESSAGE_PREVIEW:
                stub->wants_preview = message->job == stub->job;
                break;
        case MESSAGE_PARK:
                stub->is_to_park = message->job == stub->job;
                break;
        case MESSAGE_RESUME:
                stub->resume_job = message->job;
                stub->resume_picture = message->state.picture;
                stub->resume_step = fd >= 0 ? step_of(fd) : 0;
                break;
        case MESSAGE_INPUT:
                if (stub->input_job != message->job)
                        memset(stub->tints, 0, sizeof(stub->tints));
                stub->input_job = message->job;
                if (pread(fd, &stub->tints[message->pixels.input], 1, 0) != 1)
                        _exit(8);
                break;
        case MESSAGE_GENERATE:
                if (stub->job != 0) {
                        answer.job = message->job;
                        answer.failed.code = -EBUSY;
                        say(stub, &answer, MESSAGE_FAILED, -1);
                        break;
                }
                stub->job = message->job;
                stub->request = message->generate;
                stub->cancelled = stub->wants_preview = stub->is_to_park = false;
                break;
        default:
                _exit(2);
        }
}

/* Listens for so long; -1: until something comes. */
static void listen_for(Stub *stub, int ms)
{
        struct pollfd p = { .fd = stub->socket, .events = POLLIN };

        while (poll(&p, 1, ms) > 0) {
                Message message;
                int fd;
                int r = protocol_receive(stub->socket, &message, &fd);
                if (r == 0)
                        leave(stub);
                if (r < 0)
                        _exit(3);
                take(stub, &message, fd);
                if (fd >= 0)
                        (void)close(fd);
                if (ms < 0)
                        return;
                ms = 0;
        }
}

/* A step of that length, during which messages are answered. */
static void work(Stub *stub, int ms)
{
        while (ms > 0 && !stub->cancelled) {
                int slice = ms < 10 ? ms : 10;
                sleep_ms(slice);
                listen_for(stub, 0);
                ms -= slice;
        }
        listen_for(stub, 0);
}

/* What pictures show: the seed, what they start from, and what was asked to be multiplied. */
static uint64_t colour_of(const Stub *stub, uint64_t seed)
{
        const Request *q = &stub->request;
        uint64_t colour = seed + stub->resolved.precision;

        if (q->inputs != 0 && stub->input_job != stub->job)
                _exit(8);
        for (size_t i = 0; i < INPUT_MAX; i++)
                colour += q->inputs & 1U << i ? stub->tints[i] : 0;
        return colour;
}

static void send_preview(Stub *stub, uint32_t picture, uint32_t step)
{
        Message message = { .preview = { picture, step, 64, 64 } };
        int fd = draw(64, 64, step, true);
        say(stub, &message, MESSAGE_PREVIEW_IS, fd);
        (void)close(fd);
        stub->wants_preview = false;
}

static void send_picture(Stub *stub, uint32_t picture)
{
        uint32_t width = stub->resolved.width, height = stub->resolved.height;
        uint64_t seed = stub->request.seed + picture;
        int fd;

        if (stub->mode == NOT_PNG)
                fd = memfd_new_sealed("picture", "this is not a picture at all", 28);
        else
                fd = draw(stub->mode == LYING_SIZE ? width / 2 : width, height, colour_of(stub, seed), stub->mode != UNSEALED);
        Message message = { .picture = { .picture = picture, .width = width, .height = height, .seed = seed } };
        message.picture.seed += stub->mode == WRONG_SEED;
        message.picture.precision = PRECISION_BF16;
        memset(message.picture.tokenizer, '7', sizeof(message.picture.tokenizer) - 1);
        say(stub, &message, MESSAGE_PICTURE, fd);
        (void)close(fd);
}

static void resolve(Stub *stub)
{
        const Request *q = &stub->request;

        stub->resolved = (Resolved) {
                .width = q->width ? q->width : 64,
                .height = q->height ? q->height : 64,
                .steps = q->steps ? q->steps : 8,
                .made_steps = request_steps_made(q->steps ? q->steps : 8, q->strength),
                .sampler = q->sampler ? q->sampler : SAMPLER_DDIM,
                .precision = q->precision != PRECISION_AUTO ? q->precision : stub->precision,
                .guidance = q->guidance >= 0 ? q->guidance : 7.5,
                .prompt_tokens = 3,
                .prompt_chunks = 1,
                .truncated_tokens = strlen(q->prompt) > 300 ? 5 : 0,
        };
        stub->resolved.drawn_width = stub->resolved.width;
        stub->resolved.drawn_height = stub->resolved.height;
        stub->resolved.enlarge = ENLARGE_NONE;
        if (stub->mode == OTHER_SIZE)
                stub->resolved.width = 32;
        Message message = { .started = stub->resolved };
        say(stub, &message, MESSAGE_STARTED, -1);
}

static void report(Stub *stub, uint32_t picture, Stage stage, uint32_t step, uint32_t steps)
{
        double done = stage == STAGE_ENCODE ? 0 : stage == STAGE_DENOISE ? 0.9 * step / steps : 0.95;
        Message message = {
                .progress = { picture, stage, step, steps, (picture + done) / stub->request.count },
        };
        say(stub, &message, MESSAGE_PROGRESS, -1);
}

/* Adds a byte to a file in the model's directory. False: it was there already. */
static bool leave_mark(const Stub *stub, const char *name)
{
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s/%s", stub->directory, name);
        bool is_new = access(path, F_OK) < 0;
        FILE *file = fopen(path, "ae");
        if (file) {
                (void)fputc('x', file);
                (void)fclose(file);
        }
        return is_new;
}

static void misbehave_before(const Stub *stub)
{
        if (stub->mode == DIES_ENCODING)
                _exit(5);
        if (stub->mode == DIES_ONCE && leave_mark(stub, "died"))
                (void)raise(SIGSEGV);
}

static void misbehave_in_step(Stub *stub)
{
        Message message = {};

        switch (stub->mode) {
        case DIES_DENOISING:
                abort();
                break;
        case FORBIDDEN:
                (void)socket(AF_UNIX, SOCK_STREAM, 0);
                break;
        case DIES_MIDWAY:
                if (leave_mark(stub, "died"))
                        (void)raise(SIGSEGV);
                break;
        case HANGS:
                hang();
                break;
        case LOOPS:
        case STANDS:
                stub->is_lost = true;
                for (;;)
                        listen_for(stub, stub->mode == LOOPS ? 0 : -1);
                break;
        case GARBAGE:
                (void)!write(stub->socket, "garbage", 7);
                hang();
                break;
        case WRONG_JOB:
                message.job = stub->job + 1;
                say(stub, &message, MESSAGE_DONE, -1);
                break;
        default:
                break;
        }
}

static void wait_while_held(Stub *stub, uint32_t picture, uint32_t step)
{
        while (stub_is_held(stub->directory, picture, step) && !stub->cancelled && !stub->is_to_park && !stub->wants_preview) {
                sleep_ms(5);
                listen_for(stub, 0);
        }
}

/* From the step after `done` on. 0, or how it ended. */
static int make_picture(Stub *stub, uint32_t picture, uint32_t done)
{
        uint32_t steps = stub->resolved.made_steps, every = stub->request.preview_every;

        report(stub, picture, STAGE_ENCODE, 0, 0);
        misbehave_before(stub);
        for (uint32_t i = done + 1; i <= steps; i++) {
                work(stub, stub->mode == CRAWL ? 1000 : stub->mode == SLOW || stub->mode == STUBBORN ? 50 : 1);
                if (stub->mode == SLOW || stub->mode == STUBBORN)
                        wait_while_held(stub, picture, i);
                if (stub->cancelled)
                        return -ECANCELED;
                if (stub->mode == DIES_MIDWAY)
                        (void)leave_mark(stub, "steps");
                if (i == (steps + 1) / 2)
                        misbehave_in_step(stub);
                report(stub, picture, STAGE_DENOISE, i, steps);
                if (stub->wants_preview || (every > 0 && i % every == 0))
                        send_preview(stub, picture, i);
                send_state(stub, picture, i);
                if (stub->is_to_park)
                        return -EINTR;
        }
        report(stub, picture, STAGE_DECODE, 0, 0);
        send_picture(stub, picture);
        return 0;
}

static void end_job(Stub *stub, int code)
{
        Message message = { .failed = { .code = code } };

        if (code < 0)
                (void)snprintf(message.failed.text, sizeof(message.failed.text), "%s", strerror(-code));
        say(stub, &message, code == -EINTR ? MESSAGE_PARKED : code < 0 ? MESSAGE_FAILED : MESSAGE_DONE, -1);
        stub->job = 0;
}

static void run_job(Stub *stub)
{
        if (stub->mode == FAILS_JOB) {
                end_job(stub, -ENOMEM);
                return;
        }
        resolve(stub);
        uint32_t n = stub->mode == TOO_FEW ? stub->request.count - 1
                                           : stub->request.count + (stub->mode == TOO_MANY ? 1 : 0);
        bool resumes = stub->resume_job == stub->job;
        uint32_t first = resumes ? stub->resume_picture : 0, done = resumes ? stub->resume_step : 0;
        int r = 0;
        for (uint32_t i = first; i < n && r == 0; i++)
                r = make_picture(stub, i, i == first ? done : 0);
        end_job(stub, r);
}

static void load(Stub *stub)
{
        if (stub->mode == DIES_LOADING)
                _exit(6);
        if (stub->mode == HANGS_LOADING)
                hang();
        if (stub->mode == FAILS_LOADING)
                fail_load(stub, -EBADMSG, "unet/config.json: no JSON");
        if (stub->mode == LACKS_MEMORY)
                fail_load(stub, -ENOMEM, "the model needs 80 GiB");
        for (int ms = 0; stub->mode == SLOW_LOAD && (ms < 2000 || stub_is_held(stub->directory, UINT32_MAX, 1)); ms += 10) {
                sleep_ms(10);
                listen_for(stub, 0);
        }

        Message message = {
                .ready = {
                        .name = "stub",
                        .version = "1",
                        .license = "CC0-1.0",
                        .width = 64,
                        .height = 64,
                        .size_multiple = 8,
                        .steps = 8,
                        .sampler = SAMPLER_DDIM,
                        .precision = stub->precision,
                        .guidance = 7.5,
                        .parameters = 1,
                },
        };
        say(stub, &message, MESSAGE_READY, -1);
}

/* --precision WHICH, the last of the words, which it takes away. */
static Precision take_precision(int *argc, char *argv[])
{
        if (*argc < 7 || !streq(argv[*argc - 2], "--precision"))
                return PRECISION_AUTO;
        int precision = precision_from_string(argv[*argc - 1]);
        if (precision < 0)
                _exit(64);
        *argc -= 2;
        return (Precision)precision;
}

int main(int argc, char *argv[])
{
        if (argc == 4 && streq(argv[1], "--socket") && streq(argv[3], "--decode"))
                return stub_decode(atoi(argv[2]));
        const Precision precision = take_precision(&argc, argv);
        if (argc < 5 || argc > 6 || !streq(argv[1], "--socket") || !streq(argv[3], "--model"))
                return 64;

        Stub stub = {
                .socket = atoi(argv[2]), .mode = mode_of(argv[4]), .directory = argv[4], .precision = precision
        };
        if (argc == 6 && streq(argv[5], "--digest"))
                return stub_digest(stub.socket, stub.directory, false) > MODEL_CHECK_MAX;
        if (argc == 6 && stub_digest(stub.socket, stub.directory, true) == MODEL_MISMATCH)
                fail_load(&stub, -EBADMSG, "model_index.json differs from SHA256SUMS");
        if (stub.mode == FORBIDDEN && sandbox_enter(argv[4], 0, NULL) < 0)
                return 65;
        load(&stub);
        for (;;) {
                listen_for(&stub, -1);
                if (stub.job != 0)
                        run_job(&stub);
        }
}
