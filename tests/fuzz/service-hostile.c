/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <systemd/sd-journal.h>

#include "base/log.h"
#include "base/memfd.h"
#include "base/util.h"
#include "dbus/names.h"
#include "service/job.h"
#include "service/store.h"
#include "workers/spawn.h"
#include "tests/fuzz/fuzz.h"

/* The service's side of the workers' protocol, with a worker that was taken over: the input says which messages it sends,
 * with which descriptors, and what callers do meanwhile. Whatever comes, jobs stay sound and nothing is left open. */

#define MODEL "model"
#define OPS_MAX 64

typedef struct Bytes {
        const uint8_t *p, *end;
} Bytes;

static int hostile = -1; /* the worker's end of the socket */
static char directory[64];

static uint8_t take(Bytes *in)
{
        return in->p < in->end ? *in->p++ : 0;
}

/* --- in the place of workers/spawn.c: a process that only sleeps; the fuzzer speaks for it --- */

__attribute__((no_sanitize("address", "undefined", "coverage"))) static int be_asleep(void *argument)
{
        (void)argument;
        (void)syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        for (;;)
                (void)syscall(SYS_pause);
        return 0;
}

int spawn_worker(const WorkerSpec *spec, int socket, pid_t *ret_pid, Error *error)
{
        static uint8_t stack[8][16384] __attribute__((aligned(16)));
        static unsigned n;
        (void)spec, (void)error;

        if (hostile >= 0)
                (void)close(hostile);
        hostile = fcntl(socket, F_DUPFD_CLOEXEC, 3);
        *ret_pid = clone(be_asleep, stack[n++ % ELEMENTSOF(stack)] + sizeof(stack[0]), CLONE_VM | SIGCHLD, NULL);
        return *ret_pid < 0 ? -errno : 0;
}

/* --- the service --- */

static int read_config(Config **ret, void *userdata, Error *error)
{
        (void)ret, (void)userdata, (void)error;
        return -EINVAL;
}

static Config *new_config(void)
{
        char path[128], text[512];
        Config *config = NULL;
        Error error = {};

        if (!directory[0]) {
                sigset_t set;
                (void)sigemptyset(&set);
                (void)sigaddset(&set, SIGCHLD);
                (void)sigprocmask(SIG_BLOCK, &set, NULL);
                (void)setenv("MEMORY_PRESSURE_WATCH", "/dev/null", 1);
                log_set_max_level(-1);
                (void)sd_journal_print(LOG_DEBUG, "hostile"); /* opens a socket once and for all */
                (void)snprintf(directory, sizeof(directory), "/tmp/fuzz-hostile-XXXXXX");
                if (!mkdtemp(directory))
                        abort();
                (void)snprintf(text, sizeof(text), "mkdir %s/" MODEL " && echo {} >%s/" MODEL "/model_index.json", directory,
                               directory);
                if (system(text) != 0)
                        abort();
                (void)snprintf(path, sizeof(path), "%s/conf", directory);
                FILE *file = fopen(path, "we");
                if (!file || fprintf(file, "models = [\"%s\"]; pictures_per_user = 3;", directory) < 0 || fclose(file) != 0)
                        abort();
        }
        (void)snprintf(path, sizeof(path), "%s/conf", directory);
        if (config_new(&config) < 0 || config_load(config, path, &error) < 0)
                abort();
        return config;
}

/* A connection to nobody: what is sent is queued until it is full. */
static sd_bus *new_bus(int *ret_peer)
{
        sd_bus *bus = NULL;
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 || sd_bus_new(&bus) < 0 ||
            sd_bus_set_fd(bus, pair[0], pair[0]) < 0 || sd_bus_start(bus) < 0)
                abort();
        *ret_peer = pair[1];
        return bus;
}

static void add_job(Service *service, Bytes *in)
{
        JobPolicy policy = { .model = MODEL, .priority = take(in) % PRIORITY_MAX };
        static Request request;
        Job *job;

        request_init(&request);
        request.width = request.height = 64;
        request.steps = take(in) % 8;
        request.count = 1 + take(in) % 4;
        request.preview_every = take(in) % 3;
        if (queue_add(service->queue, &request, &policy, 1000 + take(in) % 2, "", &job, NULL) < 0)
                return;
        if (job_object_new(service, job, ":1.1") < 0)
                abort();
        runner_schedule(service->runner);
}

/* --- what the worker sends --- */

static int make_descriptor(uint8_t kind)
{
        static const uint8_t png[64] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x40\0\0\0\x40\x08\x02";
        int fd;

        switch (kind % 8) {
        case 0:
        case 1:
        case 2:
                return memfd_new_sealed("x", png, sizeof(png));
        case 3:
                return memfd_new_sealed("x", "x", 1);
        case 4:
                fd = memfd_create("x", MFD_CLOEXEC);
                (void)(fd >= 0 && ftruncate(fd, 100) == 0);
                return fd;
        case 5:
                return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        case 6:
                return open("/dev/null", O_PATH | O_CLOEXEC);
        default:
                return -1;
        }
}

/* What a good worker would say of that type now. */
static void fill(Message *m, MessageType type, const Job *job)
{
        memset(m, 0, sizeof(*m));
        m->version = PROTOCOL_VERSION;
        m->type = type;
        m->job = job ? job->serial : 1;
        const Resolved resolved = { .width = 64, .height = 64, .steps = 4, .sampler = SAMPLER_DDIM, .drawn_width = 64,
                                    .drawn_height = 64, .enlarge = ENLARGE_NONE, .prompt_chunks = 1 };
        if (type == MESSAGE_READY) {
                m->job = 0;
                m->ready = (ModelReady) { .name = "x", .width = 64, .height = 64, .size_multiple = 8, .steps = 4,
                                          .sampler = SAMPLER_DDIM, .guidance = 1 };
        } else if (type == MESSAGE_STARTED) {
                m->started = resolved;
        } else if (type == MESSAGE_PROGRESS) {
                m->progress = (Progress) { .stage = STAGE_DENOISE, .step = 1, .steps = 4, .fraction = 0.2 };
        } else if (type == MESSAGE_PREVIEW_IS) {
                m->preview = (PreviewInfo) { .step = 1, .width = 64, .height = 64 };
        } else if (type == MESSAGE_PICTURE) {
                m->picture = (PictureInfo) { .width = 64, .height = 64, .picture = job ? job->n_pictures : 0,
                                             .seed = job ? job->seed + job->n_pictures : 0 };
        } else if (type == MESSAGE_STATE) {
                m->state = (StateInfo) { .picture = job ? job->n_pictures : 0, .step = 1 };
        } else if (type == MESSAGE_FAILED) {
                m->failed.code = -EINVAL;
        }
}

static void send_message(Service *service, Bytes *in)
{
        static Message m;
        uint8_t type = take(in), changes = take(in);
        _cleanup_(closep) int fd = -1;

        fill(&m, (MessageType)(MESSAGE_READY + type % (MESSAGE_TYPE_MAX - MESSAGE_READY)), runner_job(service->runner));
        if (type & 0x80) /* the next good message of a job */
                changes = 0;
        if (m.type == MESSAGE_PICTURE || m.type == MESSAGE_STATE || m.type == MESSAGE_PREVIEW_IS)
                fd = make_descriptor(changes > 0 ? take(in) : 0);
        for (unsigned i = 0; i < changes % 4; i++) {
                uint16_t at = (uint16_t)(take(in) << 8 | take(in));
                ((uint8_t *)&m)[at % MIN(sizeof(m), 512)] = take(in);
        }
        (void)protocol_send(hostile, &m, fd);
}

/* Bytes and descriptors in any number. */
static void send_raw(Bytes *in)
{
        uint8_t bytes[256];
        size_t size = 0, n = take(in);
        int fds[3], n_fds = take(in) % 4;
        union {
                struct cmsghdr header;
                uint8_t space[CMSG_SPACE(3 * sizeof(int))];
        } control = {};

        while (size < n)
                bytes[size++] = take(in);
        struct iovec iov = { .iov_base = bytes, .iov_len = size };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
        for (int i = 0; i < n_fds; i++) {
                fds[i] = make_descriptor(take(in) % 7);
                if (fds[i] < 0)
                        abort();
        }
        if (n_fds > 0) {
                control.header = (struct cmsghdr) { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
                                                    .cmsg_len = CMSG_LEN((size_t)n_fds * sizeof(int)) };
                memcpy(CMSG_DATA(&control.header), fds, (size_t)n_fds * sizeof(int));
                msg.msg_control = &control;
                msg.msg_controllen = CMSG_SPACE((size_t)n_fds * sizeof(int));
        }
        (void)sendmsg(hostile, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
        for (int i = 0; i < n_fds; i++)
                (void)close(fds[i]);
}

/* --- what must be true at any time --- */

static void check(const Service *service)
{
        for (const Job *job = queue_first(service->queue); job; job = job->next) {
                if (job->n_pictures > job->count || job->state >= JOB_STATE_MAX || !(job->progress >= 0 && job->progress <= 1))
                        abort();
                for (uint32_t i = job->dropped ? job->n_pictures : 0; i < job->n_pictures; i++)
                        if (job->pictures[i].width != 64 || job->pictures[i].size == 0)
                                abort();
                if (job->state == JOB_DONE && job->n_pictures != job->count)
                        abort();
        }
}

static void act(Service *service, Bytes *in)
{
        uint8_t op = take(in);
        Job *job = queue_first(service->queue);

        for (uint8_t skip = op >> 6; job && skip > 0; skip--)
                job = job->next;
        switch (op % 16) {
        case 0:
                add_job(service, in);
                break;
        case 1:
                if (job)
                        runner_cancel(service->runner, job);
                break;
        case 2:
                if (job)
                        service_remove_job(service, job);
                break;
        case 3:
                send_raw(in);
                break;
        case 4:
                (void)close(TAKE_FD(hostile));
                break;
        case 5:
                if (residency_pid(service->residency) > 0)
                        (void)kill(residency_pid(service->residency), SIGKILL);
                break;
        case 6:
                if (job)
                        runner_want_preview(service->runner, job);
                break;
        default:
                send_message(service, in);
        }
}

static void play(Service *service, sd_event *event, Bytes *in)
{
        add_job(service, in);
        for (int i = 0; i < OPS_MAX && in->p < in->end; i++) {
                for (int n = 0; n < 16 && sd_event_run(event, 0) > 0; n++)
                        ;
                check(service);
                act(service, in);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Bytes in = { data, data + size };
        Service *service = NULL;
        sd_event *event = NULL;
        int peer = -1;

        Config *config = new_config();
        sd_bus *bus = new_bus(&peer);
        if (sd_event_new(&event) < 0 || service_new(&service, event, bus, config, NULL, read_config, NULL) < 0)
                abort();
        play(service, event, &in);
        (void)close(peer); /* or what is queued would be waited for */
        sd_bus_close(bus);
        service_free(service);
        sd_bus_unref(bus);
        sd_event_unref(event);
        if (hostile >= 0)
                (void)close(TAKE_FD(hostile));
        fuzz_check_descriptors();
        return 0;
}
