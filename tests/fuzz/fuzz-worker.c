/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/memfd.h"
#include "base/util.h"
#include "engine/engine.h"
#include "engine/worker.h"
#include "workers/protocol.h"
#include "tests/fuzz/fuzz.h"

/* The worker's side of the protocol: the input says what the service sends and then it hangs up. Every word of the worker's
 * is one that the service understands, and every job that it took has one end. In the engine's place is one that draws
 * nothing. */

struct Engine {
        ModelInfo info;
        bool cancelled;
};

int engine_new_packed(Engine **ret, const char *model_dir, unsigned threads, Precision automatic,
                      const PackFiles *files, Error *error)
{
        (void)model_dir, (void)threads, (void)automatic, (void)files, (void)error;
        *ret = calloc(1, sizeof(Engine));
        if (!*ret)
                return -ENOMEM;
        (*ret)->info = (ModelInfo) { .name = "x", .width = 64, .height = 64, .size_multiple = 8, .steps = 4, .sampler = SAMPLER_DDIM,
                                     .guidance = 1 };
        return 0;
}

int engine_seal_pack(Engine *engine)
{
        return engine->info.steps == 4;
}

void engine_stop_packing(Engine *engine)
{
        (void)engine;
}

Engine *engine_free(Engine *engine)
{
        free(engine);
        return NULL;
}

const ModelInfo *engine_info(const Engine *engine)
{
        return &engine->info;
}

void engine_cancel(Engine *engine)
{
        __atomic_store_n(&engine->cancelled, true, __ATOMIC_RELAXED);
}

uint64_t engine_done(const Engine *engine)
{
        (void)engine;
        return 0;
}

const char *engine_tokenizer_digest(const Engine *engine)
{
        static const char unknown[PROTOCOL_DIGEST_SIZE];
        (void)engine;
        return unknown;
}

void engine_set_source(Engine *engine, const ReadPicture *picture, const ReadPicture *mask)
{
        (void)engine, (void)picture, (void)mask;
}

int engine_resolve(Engine *engine, const Request *request, Resolved *ret, Error *error)
{
        (void)engine;
        if (request_check(request, error) < 0) /* the protocol has let it through */
                abort();
        *ret = (Resolved) { .width = 64, .height = 64, .drawn_width = 64, .drawn_height = 64, .steps = 4, .made_steps = 4,
                            .sampler = SAMPLER_DDIM, .guidance = 1, .enlarge = ENLARGE_NONE, .prompt_chunks = 1 };
        return 0;
}

int engine_resume(Engine *engine, const Request *request, uint32_t index, const void *state, size_t state_size,
                  const EngineEvents *events, Picture *ret, Error *error)
{
        uint32_t sum = 0;

        for (size_t i = 0; state && i < state_size; i++) /* all of it is there */
                sum += ((const uint8_t *)state)[i];
        __atomic_store_n(&engine->cancelled, false, __ATOMIC_RELAXED);
        if (index >= request->count)
                abort();
        *ret = (Picture) { .width = 64, .height = 64, .rgb = calloc(64 * 64, 3) };
        if (!ret->rgb)
                return -ENOMEM;
        for (uint32_t step = 1; step <= 4; step++) {
                events->progress(events->userdata, STAGE_DENOISE, step, 4, step / 4.0);
                if (events->preview_wanted(events->userdata, step))
                        events->preview(events->userdata, step, ret);
                if (events->state_wanted(events->userdata, step) && !events->state(events->userdata, step, &sum, sizeof(sum)))
                        return error_set(error, -EINTR, "parked");
                if (__atomic_load_n(&engine->cancelled, __ATOMIC_RELAXED))
                        return error_set(error, -ECANCELED, "cancelled");
        }
        return 0;
}

int engine_encode(const Engine *engine, const Picture *picture, const Request *request, const Resolved *resolved,
                  uint32_t index, void **ret_data, size_t *ret_size, Error *error)
{
        (void)engine, (void)picture, (void)request, (void)resolved, (void)index, (void)error;
        *ret_size = 100;
        *ret_data = calloc(1, *ret_size);
        return *ret_data ? 0 : -ENOMEM;
}

/* --- the service --- */

/* What the worker says: until it has gone. */
static void *listen_to(void *argument)
{
        const int socket = *(const int *)argument;
        static Message m;

        for (;;) {
                int fd = -1, r = protocol_receive(socket, &m, &fd);
                if (r <= 0) {
                        if (r == -EBADMSG)
                                abort();
                        return NULL;
                }
                if (m.type < MESSAGE_READY)
                        abort();
                if (fd >= 0)
                        (void)close(fd);
        }
}

/* Messages of the input: a type, a job, and changes of a good one; the 32nd kind is bytes as they are. */
static const uint8_t *send_one(int socket, const uint8_t *p, const uint8_t *end)
{
        static Message m;
        const uint8_t kind = p[0], changes = p[1] % 4;
        _cleanup_(closep) int fd = -1;

        p += 2;
        if (kind % 32 == 31) {
                size_t n = MIN((size_t)(end - p), (size_t)changes * 40);
                (void)send(socket, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
                return p + n;
        }
        memset(&m, 0, sizeof(m));
        m = (Message) { .version = PROTOCOL_VERSION, .type = kind % (MESSAGE_TYPE_MAX + 1), .job = 1 + kind / 64 };
        if (m.type == MESSAGE_GENERATE) {
                request_init(&m.generate);
                m.generate.count = 1 + kind / 32 % 4;
        }
        if (m.type == MESSAGE_RESUME && kind & 32)
                fd = memfd_new_sealed("x", "state", 5);
        for (unsigned i = 0; i < changes && end - p >= 3; i++, p += 3)
                ((uint8_t *)&m)[(p[0] << 8 | p[1]) % sizeof(m)] = p[2];
        m.generate.count = m.type == MESSAGE_GENERATE ? m.generate.count % 8 : m.generate.count;
        struct timeval patience = { .tv_sec = 1 };
        (void)setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        (void)protocol_send(socket, &m, fd);
        return p;
}

typedef struct Side {
        int socket;
        const char *model;
} Side;

static void *work(void *argument)
{
        const Side *side = argument;
        const PackFiles files = { -1, -1 };
        (void)worker_run(side->socket, side->model, 1, PRECISION_AUTO, &files);
        (void)shutdown(side->socket, SHUT_RDWR);
        return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *p = data, *end = data + size;
        int sockets[2];
        pthread_t worker, listener;

        log_set_max_level(-1);
        if (size > 4096 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
                return 0;
        Side side = { sockets[1], "x" };
        if (pthread_create(&worker, NULL, work, &side) != 0 || pthread_create(&listener, NULL, listen_to, &sockets[0]) != 0)
                abort();
        while (end - p >= 2)
                p = send_one(sockets[0], p, end);
        (void)shutdown(sockets[0], SHUT_WR);
        (void)pthread_join(worker, NULL);
        (void)pthread_join(listener, NULL);
        (void)close(sockets[0]);
        (void)close(sockets[1]);
        fuzz_check_descriptors();
        return 0;
}
