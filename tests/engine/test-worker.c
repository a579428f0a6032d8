/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The real worker program on a socket, with the tiny model. */

#include "tests/engine/child.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include "base/memfd.h"

#define TINY "tests/fixtures/tiny-model"

static const Message *expect(Child *child, MessageType type, uint64_t job)
{
        const Message *m = receive(child);
        if (m->type == MESSAGE_FAILED && type != MESSAGE_FAILED)
                fail_msg("failed: %s", m->failed.text);
        assert_int_equal(m->type, type);
        assert_int_equal(m->job, job);
        return m;
}

/* The next message that is no progress report, nor a state. */
static const Message *skip_progress(Child *child)
{
        const Message *m;
        do
                m = receive(child);
        while (m->type == MESSAGE_PROGRESS || m->type == MESSAGE_STATE);
        return m;
}

static void send_simple(const Child *child, MessageType type, uint64_t job)
{
        const Message m = { .version = PROTOCOL_VERSION, .type = type, .job = job, .ping = job };
        assert_int_equal(protocol_send(child->socket, &m, -1), 0);
}

static Message *new_job(uint64_t job, const char *prompt)
{
        Message *m = calloc(1, sizeof(*m));
        assert_non_null(m);
        m->version = PROTOCOL_VERSION;
        m->type = MESSAGE_GENERATE;
        m->job = job;
        request_init(&m->generate);
        (void)snprintf(m->generate.prompt, sizeof(m->generate.prompt), "%s", prompt);
        return m;
}

/* A job that takes long enough to be interrupted. */
static Message *new_long_job(uint64_t job)
{
        Message *m = new_job(job, "a red fox");
        m->generate.width = m->generate.height = 256;
        m->generate.steps = 500;
        return m;
}

static void send_job(const Child *child, const Message *m)
{
        assert_int_equal(protocol_send(child->socket, m, -1), 0);
}

static void check_png(int fd)
{
        size_t size;
        assert_int_equal(memfd_check_sealed(fd, PROTOCOL_PICTURE_BYTES_MAX, &size), 0);
        uint8_t *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        assert_ptr_not_equal(data, MAP_FAILED);
        assert_memory_equal(data, "\x89PNG\r\n\x1a\n", 8);
        (void)munmap(data, size);
}

static void make_one_picture(Child *child, uint64_t job)
{
        _cleanup_(freep) Message *m = new_job(job, "hello world");
        send_job(child, m);
        (void)expect(child, MESSAGE_STARTED, job);
        const Message *picture = skip_progress(child);
        assert_int_equal(picture->type, MESSAGE_PICTURE);
        assert_int_equal(picture->job, job);
        check_png(child->fd);
        (void)expect(child, MESSAGE_DONE, job);
}

static void test_ready(void **state)
{
        (void)state;
        Child child = start(TINY);
        const ModelReady *ready = &expect(&child, MESSAGE_READY, 0)->ready;

        assert_string_equal(ready->name, "tiny");
        assert_string_equal(ready->version, "1");
        assert_string_equal(ready->license, "CC0-1.0");
        assert_int_equal(ready->width, 16);
        assert_int_equal(ready->size_multiple, 2);
        assert_int_equal(ready->steps, 3);
        assert_int_equal(ready->sampler, SAMPLER_EULER_A);
        assert_true(ready->parameters > 100000);

        send_simple(&child, MESSAGE_PING, 4711);
        const Message *pong = expect(&child, MESSAGE_PONG, 0);
        assert_int_equal(pong->ping, 4711);
        assert_int_equal(finish(&child), 0);
}

static void test_job(void **state)
{
        (void)state;
        Child child = start(TINY);
        _cleanup_(freep) Message *m = new_job(9, "a red fox");
        (void)expect(&child, MESSAGE_READY, 0);

        m->generate.count = 3;
        m->generate.seed = 41;
        m->generate.width = 32;
        m->generate.guidance = 1;
        send_job(&child, m);
        const Resolved *started = &expect(&child, MESSAGE_STARTED, 9)->started;
        assert_int_equal(started->width, 32);
        assert_int_equal(started->height, 16);
        assert_int_equal(started->steps, 3);
        assert_true(started->prompt_tokens > 0);
        assert_int_equal(started->truncated_tokens, 0);

        double fraction = 0;
        uint32_t pictures = 0, stages = 0;
        for (;;) {
                const Message *got = receive(&child);
                assert_int_equal(got->job, 9);
                if (got->type == MESSAGE_DONE)
                        break;
                if (got->type == MESSAGE_STATE)
                        continue;
                if (got->type == MESSAGE_PROGRESS) {
                        assert_int_equal(got->progress.picture, pictures);
                        assert_true(got->progress.fraction >= fraction);
                        fraction = got->progress.fraction;
                        stages |= 1U << got->progress.stage;
                        continue;
                }
                assert_int_equal(got->type, MESSAGE_PICTURE);
                assert_int_equal(got->picture.picture, pictures);
                assert_int_equal(got->picture.seed, 41 + pictures);
                assert_int_equal(got->picture.width, 32);
                assert_int_equal(got->picture.height, 16);
                check_png(child.fd);
                pictures++;
        }
        assert_int_equal(pictures, 3);
        assert_int_equal(stages, 15);
        assert_int_equal(finish(&child), 0);
}

static void test_previews(void **state)
{
        (void)state;
        Child child = start(TINY);
        _cleanup_(freep) Message *m = new_job(1, "a red fox");
        (void)expect(&child, MESSAGE_READY, 0);

        m->generate.steps = 7;
        m->generate.preview_every = 3;
        send_job(&child, m);
        (void)expect(&child, MESSAGE_STARTED, 1);
        for (uint32_t step = 3; step <= 6; step += 3) {
                const Message *got = skip_progress(&child);
                assert_int_equal(got->type, MESSAGE_PREVIEW_IS);
                assert_int_equal(got->preview.step, step);
                assert_int_equal(got->preview.width, 16);
                check_png(child.fd);
        }
        assert_int_equal(skip_progress(&child)->type, MESSAGE_PICTURE);
        (void)expect(&child, MESSAGE_DONE, 1);

        /* Asked for while the job runs. */
        _cleanup_(freep) Message *slow = new_long_job(2);
        send_job(&child, slow);
        (void)expect(&child, MESSAGE_STARTED, 2);
        send_simple(&child, MESSAGE_PREVIEW, 2);
        const Message *got = skip_progress(&child);
        assert_int_equal(got->type, MESSAGE_PREVIEW_IS);
        assert_int_equal(got->job, 2);
        assert_true(got->preview.step >= 1 && got->preview.step <= 500);
        assert_int_equal(finish(&child), 0);
}

static void test_cancel(void **state)
{
        (void)state;
        Child child = start(TINY);
        _cleanup_(freep) Message *m = new_long_job(5);
        (void)expect(&child, MESSAGE_READY, 0);

        /* In the middle of it, with another job's number first. */
        send_job(&child, m);
        (void)expect(&child, MESSAGE_STARTED, 5);
        (void)expect(&child, MESSAGE_PROGRESS, 5);
        send_simple(&child, MESSAGE_CANCEL, 4);
        send_simple(&child, MESSAGE_CANCEL, 5);
        const Message *got = skip_progress(&child);
        assert_int_equal(got->type, MESSAGE_FAILED);
        assert_int_equal(got->job, 5);
        assert_int_equal(got->failed.code, -ECANCELED);

        /* At once: it may not even have started. */
        m->job = 6;
        send_job(&child, m);
        send_simple(&child, MESSAGE_CANCEL, 6);
        do
                got = skip_progress(&child);
        while (got->type == MESSAGE_STARTED);
        assert_int_equal(got->type, MESSAGE_FAILED);
        assert_int_equal(got->job, 6);
        assert_int_equal(got->failed.code, -ECANCELED);

        /* Nothing runs. */
        send_simple(&child, MESSAGE_CANCEL, 6);
        make_one_picture(&child, 7);
        assert_int_equal(finish(&child), 0);
}

/* What comes of a job that is parked after every single step, and goes on each time: a memfd for each picture. Between
 * two spells the worker draws something else. */
static void make_in_spells(Child *child, Message *m, int pictures[], unsigned *ret_spells)
{
        uint32_t n = 0;
        _cleanup_(closep) int state = -1;

        for (*ret_spells = 1;; ++*ret_spells) {
                Message resume = { .version = PROTOCOL_VERSION, .type = MESSAGE_RESUME, .job = m->job };
                resume.state.picture = n;
                assert_int_equal(protocol_send(child->socket, &resume, state), 0);
                send_job(child, m);
                (void)expect(child, MESSAGE_STARTED, m->job);
                send_simple(child, MESSAGE_PARK, m->job);

                const Message *got;
                while ((got = receive(child))->type != MESSAGE_DONE && got->type != MESSAGE_PARKED) {
                        assert_int_equal(got->job, m->job);
                        if (got->type == MESSAGE_STATE) {
                                closep(&state);
                                state = TAKE_FD(child->fd);
                        } else if (got->type == MESSAGE_PICTURE) {
                                assert_int_equal(got->picture.picture, n);
                                pictures[n++] = TAKE_FD(child->fd);
                                closep(&state);
                                state = -1;
                        } else {
                                assert_int_equal(got->type, MESSAGE_PROGRESS);
                        }
                }
                if (got->type == MESSAGE_DONE)
                        return;
                make_one_picture(child, m->job + 1);
        }
}

static void assert_same_bytes(int a, int b)
{
        static char one[1 << 20], other[1 << 20];
        ssize_t n = pread(a, one, sizeof(one), 0);

        assert_true(n > 100 && n < (ssize_t)sizeof(one));
        assert_int_equal(pread(b, other, sizeof(other), 0), n);
        assert_memory_equal(one, other, (size_t)n);
}

static void make_at_once(Child *child, const Message *m, int pictures[])
{
        send_job(child, m);
        (void)expect(child, MESSAGE_STARTED, m->job);
        for (uint32_t i = 0; i < m->generate.count; i++) {
                assert_int_equal(skip_progress(child)->type, MESSAGE_PICTURE);
                pictures[i] = TAKE_FD(child->fd);
        }
        (void)expect(child, MESSAGE_DONE, m->job);
}

/* For every sampler: a job that was parked has the bytes of one that was not. */
static void test_parking(void **state)
{
        (void)state;
        Child child = start(TINY);
        unsigned most_spells = 0;
        (void)expect(&child, MESSAGE_READY, 0);

        for (Sampler sampler = SAMPLER_DEFAULT + 1; sampler < SAMPLER_MAX; sampler++) {
                _cleanup_(freep) Message *m = new_job(10, "a red fox");
                int parked[2] = { -1, -1 }, whole[2] = { -1, -1 };
                unsigned spells;

                m->generate.sampler = sampler;
                m->generate.count = 2;
                m->generate.steps = 8;
                m->generate.width = m->generate.height = 48;
                make_at_once(&child, m, whole);
                make_in_spells(&child, m, parked, &spells);
                most_spells = MAX(most_spells, spells);
                for (int i = 0; i < 2; i++) {
                        assert_same_bytes(parked[i], whole[i]);
                        (void)close(parked[i]);
                        (void)close(whole[i]);
                }
        }
        assert_true(most_spells >= 4);
        assert_int_equal(finish(&child), 0);
}

/* A state goes on in another process; one that is broken, or of another picture, is passed over. */
static void test_resuming(void **state)
{
        (void)state;
        Child child = start(TINY);
        _cleanup_(freep) Message *m = new_job(10, "a red fox");
        int whole = -1, got;
        (void)expect(&child, MESSAGE_READY, 0);
        m->generate.steps = 100;
        m->generate.width = m->generate.height = 128;
        make_at_once(&child, m, &whole);
        send_job(&child, m);
        do
                (void)receive(&child);
        while (child.message->type != MESSAGE_STATE);
        assert_true(child.message->state.step > 0);
        Message resume = { .version = PROTOCOL_VERSION, .type = MESSAGE_RESUME, .job = 10, .state = child.message->state };
        _cleanup_(closep) int fd = TAKE_FD(child.fd);
        assert_int_equal(kill(child.pid, SIGKILL), 0);
        (void)waitpid(child.pid, NULL, 0);
        (void)close(child.socket);
        free(child.message);

        static char bytes[1 << 20];
        size_t size;
        assert_int_equal(memfd_check_sealed(fd, sizeof(bytes), &size), 0);
        assert_int_equal(pread(fd, bytes, size, 0), size);
        child = start(TINY);
        (void)expect(&child, MESSAGE_READY, 0);
        for (int i = 0; i < 4; i++) {
                bytes[0] ^= i == 1; /* not the first time */
                m->generate.seed = i == 3 ? 1 : 0;
                _cleanup_(closep) int changed = memfd_new_sealed("x", bytes, i == 2 ? 100 : size);
                assert_int_equal(protocol_send(child.socket, &resume, changed), 0);
                send_job(&child, m);
                (void)expect(&child, MESSAGE_STARTED, 10);
                uint32_t first = 0;
                while (receive(&child)->type != MESSAGE_PICTURE)
                        if (child.message->type == MESSAGE_PROGRESS && child.message->progress.stage == STAGE_DENOISE &&
                            first == 0)
                                first = child.message->progress.step;
                got = TAKE_FD(child.fd);
                (void)expect(&child, MESSAGE_DONE, 10);
                if (i < 3)
                        assert_same_bytes(got, whole);
                if (i == 0)
                        assert_true(first > resume.state.step);
                (void)close(got);
        }
        (void)close(whole);
        assert_int_equal(finish(&child), 0);
}

/* Pings are answered and a second job is refused while the first one runs; it is not disturbed. */
static void test_busy(void **state)
{
        (void)state;
        Child child = start(TINY);
        _cleanup_(freep) Message *m = new_long_job(1);
        bool ponged = false;
        (void)expect(&child, MESSAGE_READY, 0);

        send_job(&child, m);
        m->job = 2;
        send_job(&child, m);
        send_simple(&child, MESSAGE_PING, 77);
        for (bool refused = false; !ponged || !refused;) {
                const Message *got = receive(&child);
                if (got->type == MESSAGE_FAILED) {
                        assert_int_equal(got->job, 2);
                        assert_int_equal(got->failed.code, -EBUSY);
                        refused = true;
                } else if (got->type == MESSAGE_PONG) {
                        assert_int_equal(got->ping, 77);
                        ponged = true;
                } else {
                        assert_int_equal(got->job, 1);
                }
        }
        send_simple(&child, MESSAGE_CANCEL, 1);
        const Message *got = skip_progress(&child);
        while (got->type == MESSAGE_STARTED)
                got = skip_progress(&child);
        assert_int_equal(got->job, 1);
        assert_int_equal(got->failed.code, -ECANCELED);
        assert_int_equal(finish(&child), 0);
}

static void test_bad_jobs(void **state)
{
        (void)state;
        Child child = start(TINY);
        (void)expect(&child, MESSAGE_READY, 0);

        _cleanup_(freep) Message *odd = new_job(1, "");
        odd->generate.enlarge = ENLARGE_NETWORK;
        send_job(&child, odd);
        const Message *got = expect(&child, MESSAGE_FAILED, 1);
        assert_int_equal(got->failed.code, -EINVAL);
        assert_string_equal(got->failed.text, "enlarge: the model tiny has no network for it; \"lanczos\" needs none");
        make_one_picture(&child, 2);

        _cleanup_(freep) Message *full = new_job(3, "");
        memset(full->generate.prompt, 'q', REQUEST_PROMPT_MAX);
        send_job(&child, full);
        got = expect(&child, MESSAGE_STARTED, 3);
        assert_int_equal(got->started.prompt_tokens, 16 * 75);
        assert_true(got->started.truncated_tokens > 0);
        assert_int_equal(skip_progress(&child)->type, MESSAGE_PICTURE);
        (void)expect(&child, MESSAGE_DONE, 3);

        /* The service checks what it sends; a peer that does not is not talked to. */
        _cleanup_(freep) Message *bad = new_job(4, "\xff\xfe");
        send_job(&child, bad);
        assert_int_equal(protocol_receive(child.socket, child.message, &child.fd), 0);
        assert_int_equal(finish(&child), 1);
}

static void test_garbage(void **state)
{
        (void)state;
        Child child = start(TINY);
        (void)expect(&child, MESSAGE_READY, 0);

        assert_int_equal(send(child.socket, "nonsense", 8, MSG_NOSIGNAL), 8);
        assert_int_equal(protocol_receive(child.socket, child.message, &child.fd), 0);
        assert_int_equal(finish(&child), 1);
}

/* A worker says nothing of its own accord to another one: such messages come from nowhere. */
static void test_wrong_direction(void **state)
{
        (void)state;
        Child child = start(TINY);
        (void)expect(&child, MESSAGE_READY, 0);

        send_simple(&child, MESSAGE_DONE, 1);
        assert_int_equal(protocol_receive(child.socket, child.message, &child.fd), 0);
        assert_int_equal(finish(&child), 1);
}

static void test_end_in_mid_job(void **state)
{
        (void)state;
        Child child = start(TINY);
        _cleanup_(freep) Message *m = new_long_job(1);
        (void)expect(&child, MESSAGE_READY, 0);
        send_job(&child, m);
        (void)expect(&child, MESSAGE_STARTED, 1);
        assert_int_equal(finish(&child), 0);
}

static void test_end_while_loading(void **state)
{
        (void)state;
        Child child = start(TINY);
        assert_int_equal(finish(&child), 0);
}

static void check_failure(const char *model, int code, const char *words)
{
        Child child = start(model);
        const Message *m = expect(&child, MESSAGE_FAILED, 0);

        assert_int_equal(m->failed.code, code);
        if (!strstr(m->failed.text, words))
                fail_msg("\"%s\" does not say \"%s\"", m->failed.text, words);
        assert_int_equal(protocol_receive(child.socket, child.message, &child.fd), 0);
        assert_int_equal(finish(&child), 1);
}

static void test_no_model(void **state)
{
        (void)state;
        check_failure("/nonexistent/model", -ENOENT, "/nonexistent/model");
        check_failure("tests", -ENOENT, "model_index.json");
}

/* A copy of the tiny model in links, with one of its files cut short. */
static void test_truncated_model(void **state)
{
        (void)state;
        char command[512], dir[] = "/tmp/model-XXXXXX";

        assert_non_null(mkdtemp(dir));
        (void)snprintf(command, sizeof(command),
                       "cp -RL %s/. %s && truncate -s 100000 %s/unet/diffusion_pytorch_model.safetensors",
                       TINY, dir, dir);
        assert_int_equal(system(command), 0);
        check_failure(dir, -EBADMSG, "unet/diffusion_pytorch_model.safetensors");
        (void)snprintf(command, sizeof(command), "rm -r %s", dir);
        assert_int_equal(system(command), 0);
}

static int run_command(const char *arguments)
{
        char command[2048];
        (void)snprintf(command, sizeof(command), "%s %s 2>/dev/null", engine_program(), arguments);
        int status = system(command);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

/* The same settings by the plain command: the same file. */
static void test_command(void **state)
{
        (void)state;
        Child child = start(TINY);
        _cleanup_(freep) Message *m = new_job(1, "a red fox");
        (void)expect(&child, MESSAGE_READY, 0);
        m->generate.seed = 42;
        send_job(&child, m);
        (void)expect(&child, MESSAGE_STARTED, 1);
        assert_int_equal(skip_progress(&child)->type, MESSAGE_PICTURE);

        char path[] = "/tmp/picture-XXXXXX", arguments[256];
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        (void)snprintf(arguments, sizeof(arguments), "--model %s --prompt 'a red fox' --seed 42 --output %s",
                       TINY, path);
        assert_int_equal(run_command(arguments), 0);

        char a[65536], b[65536];
        ssize_t n = pread(child.fd, a, sizeof(a), 0);
        assert_true(n > 100 && n < (ssize_t)sizeof(a));
        assert_int_equal(pread(fd, b, sizeof(b), 0), n);
        assert_memory_equal(a, b, (size_t)n);
        assert_int_equal(finish(&child), 0);
        (void)close(fd);
        (void)unlink(path);

        assert_int_equal(run_command("--model " TINY " --prompt x --output /nonexistent/x.png"), 1);
        assert_int_equal(run_command("--model /nonexistent --prompt x --output /dev/null"), 1);
        assert_int_equal(run_command("--model " TINY " --width 15 --prompt x --output /dev/null"), 1);
        assert_int_equal(run_command("--model " TINY " --sampler nonsense --output /dev/null"), 2);
        assert_int_equal(run_command("--model " TINY " --seed -1 --output /dev/null"), 2);
        assert_int_equal(run_command("--model " TINY), 2);
        assert_int_equal(run_command("--version >/dev/null"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ready),          cmocka_unit_test(test_job),
                cmocka_unit_test(test_previews),       cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_busy),           cmocka_unit_test(test_bad_jobs),
                cmocka_unit_test(test_garbage),        cmocka_unit_test(test_wrong_direction),
                cmocka_unit_test(test_end_in_mid_job), cmocka_unit_test(test_end_while_loading),
                cmocka_unit_test(test_no_model),       cmocka_unit_test(test_truncated_model),
                cmocka_unit_test(test_command),        cmocka_unit_test(test_parking),
                cmocka_unit_test(test_resuming),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
