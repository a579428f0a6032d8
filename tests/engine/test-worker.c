/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The real worker program on a socket, with the tiny model. */

#include "tests/engine/jobs.h"

#include <sys/stat.h>

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
        assert_int_equal(pong->pong.ping, 4711);
        assert_int_equal(pong->pong.done, 0);
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ready),
                cmocka_unit_test(test_job),
                cmocka_unit_test(test_previews),
                cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_busy),
                cmocka_unit_test(test_bad_jobs),
                cmocka_unit_test(test_garbage),
                cmocka_unit_test(test_wrong_direction),
                cmocka_unit_test(test_end_in_mid_job),
                cmocka_unit_test(test_end_while_loading),
                cmocka_unit_test(test_no_model),
                cmocka_unit_test(test_truncated_model),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
