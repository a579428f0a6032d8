/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Fields that a message must not have, one by one; the descriptor that came with it is closed. */

#include <math.h>

#include "tests/engine/messages.h"

static int before; /* descriptors */

static int begin(void **state)
{
        int r = open_sockets(state);
        before = count_descriptors();
        return r;
}

static int end(void **state)
{
        assert_int_equal(count_descriptors(), before);
        return close_sockets(state);
}

/* Each line breaks one field of a good message. */
#define REFUSED(type, statement)                                 \
        do {                                                     \
                Message *m = good(type);                         \
                statement;                                       \
                if (pass(m, NULL) != -EBADMSG)                   \
                        fail_msg("not refused: %s", #statement); \
        } while (0)

/* Of any message: the version, the number of a job, of a picture, of a step. */
static void test_bad_frames(void **state)
{
        (void)state;
        REFUSED(MESSAGE_STATE, m->state.picture = REQUEST_COUNT_MAX);
        REFUSED(MESSAGE_RESUME, m->state.step = REQUEST_STEPS_MADE_MAX + 1);
        REFUSED(MESSAGE_CANCEL, m->version = PROTOCOL_VERSION + 1);
        for (int type = 0; type < MESSAGE_TYPE_MAX; type++)
                if (type != MESSAGE_PING && type != MESSAGE_PONG && type != MESSAGE_READY &&
                    type != MESSAGE_DIGEST && type != MESSAGE_PACKED && type != MESSAGE_FAILED)
                        REFUSED((MessageType)type, m->job = 0);
}

/* As many as two passes make. */
static void test_most_steps(void **state)
{
        (void)state;
        (void)good(MESSAGE_PROGRESS);
        message.progress.step = message.progress.steps = REQUEST_STEPS_MADE_MAX;
        assert_int_equal(pass(&message, NULL), 1);
        (void)good(MESSAGE_PREVIEW_IS);
        message.preview.step = REQUEST_STEPS_MADE_MAX;
        assert_int_equal(pass(&message, NULL), 1);
        (void)good(MESSAGE_STATE);
        message.state.step = REQUEST_STEPS_MADE_MAX;
        assert_int_equal(pass(&message, NULL), 1);
        (void)good(MESSAGE_RESUME);
        message.state.step = REQUEST_STEPS_MADE_MAX;
        assert_int_equal(pass(&message, NULL), 1);
}

static void test_bad_requests(void **state)
{
        (void)state;
        REFUSED(MESSAGE_GENERATE, memset(m->generate.prompt, 'a', sizeof(m->generate.prompt)));
        REFUSED(MESSAGE_GENERATE, strcpy(m->generate.prompt, "\xff"));
        REFUSED(MESSAGE_GENERATE, strcpy(m->generate.negative_prompt, "\xc0\x80"));
        REFUSED(MESSAGE_GENERATE, m->generate.width = 2049);
        REFUSED(MESSAGE_GENERATE, m->generate.height = 15);
        REFUSED(MESSAGE_GENERATE, m->generate.steps = 501);
        REFUSED(MESSAGE_GENERATE, m->generate.count = 0);
        REFUSED(MESSAGE_GENERATE, m->generate.count = 65);
        REFUSED(MESSAGE_GENERATE, m->generate.preview_every = 501);
        REFUSED(MESSAGE_GENERATE, m->generate.sampler = SAMPLER_MAX);
        REFUSED(MESSAGE_GENERATE, m->generate.inputs = 3); /* a mask without a strength */
        REFUSED(MESSAGE_GENERATE, (m->generate.inputs = 1U << INPUT_MASK, m->generate.strength = 1));
        REFUSED(MESSAGE_GENERATE, (m->generate.inputs = 5, m->generate.strength = 1));
        REFUSED(MESSAGE_GENERATE, m->generate.mask_paints = MASK_PAINTS_DARK); /* of nothing */
        REFUSED(MESSAGE_GENERATE, (m->generate.inputs = 3, m->generate.strength = 1, m->generate.mask_paints = MASK_PAINTS_MAX));
        REFUSED(MESSAGE_GENERATE, (m->generate.inputs = 3, m->generate.strength = 1, m->generate.mask_blur = NAN));
        REFUSED(MESSAGE_GENERATE, m->generate.outpaint[SIDE_UP] = 1); /* of nothing */
        REFUSED(MESSAGE_GENERATE, (m->generate.inputs = 1, m->generate.strength = 1, m->generate.outpaint[SIDE_DOWN] = 2049));
        REFUSED(MESSAGE_GENERATE, (m->generate.inputs = 3, m->generate.strength = 1, m->generate.outpaint[SIDE_UP] = 1));
        REFUSED(MESSAGE_INPUT, m->pixels.input = INPUT_MAX);
        REFUSED(MESSAGE_DECODE, m->pixels.input = INPUT_MAX);
        REFUSED(MESSAGE_FOREIGN, m->foreign.use = FOREIGN_USE_MAX);
        REFUSED(MESSAGE_FOREIGN, m->foreign.width = 8);
        REFUSED(MESSAGE_FOREIGN, m->foreign.width = m->foreign.height = REQUEST_SIZE_MAX + 1);
        REFUSED(MESSAGE_FOREIGN, m->foreign.picture = REQUEST_COUNT_MAX);
        REFUSED(MESSAGE_PROVENANCE, memset(m->provenance.provider, 'a', sizeof(m->provenance.provider)));
        REFUSED(MESSAGE_PROVENANCE, m->provenance.notes[0] = (char)0xff);
        REFUSED(MESSAGE_PIXELS, m->pixels.width = 0);
        REFUSED(MESSAGE_PIXELS, m->pixels.width = 4); /* more than the descriptor holds */
        REFUSED(MESSAGE_PIXELS, (m->pixels.width = 2, m->pixels.height = 2));
        REFUSED(MESSAGE_INPUT, (m->pixels.width = 1, m->pixels.height = INPUT_SIDE_MAX + 1));
        REFUSED(MESSAGE_GENERATE, m->generate.guidance = NAN);
        REFUSED(MESSAGE_GENERATE, m->generate.guidance = INFINITY);
        REFUSED(MESSAGE_GENERATE, m->generate.guidance = 101);
        REFUSED(MESSAGE_GENERATE, m->generate.prompt_metadata = 2);
        REFUSED(MESSAGE_GENERATE, m->generate.enlarge = ENLARGE_MAX);
        REFUSED(MESSAGE_GENERATE, m->generate.sharpen = 1.1);
        REFUSED(MESSAGE_GENERATE, m->generate.smooth_edges = NAN);
        REFUSED(MESSAGE_GENERATE, m->generate.remove_artefacts = INFINITY);
}

static void test_bad_models(void **state)
{
        (void)state;
        REFUSED(MESSAGE_READY, memset(m->ready.name, 'a', sizeof(m->ready.name)));
        REFUSED(MESSAGE_READY, m->ready.name[0] = '\0');
        REFUSED(MESSAGE_READY, strcpy(m->ready.name, "two words"));
        REFUSED(MESSAGE_READY, memset(m->ready.version, 'a', sizeof(m->ready.version)));
        REFUSED(MESSAGE_READY, strcpy(m->ready.license, "\x80"));
        REFUSED(MESSAGE_READY, m->ready.width = 0);
        REFUSED(MESSAGE_READY, m->ready.height = 2049);
        REFUSED(MESSAGE_READY, m->ready.size_multiple = 0);
        REFUSED(MESSAGE_READY, m->ready.steps = 0);
        REFUSED(MESSAGE_READY, m->ready.sampler = SAMPLER_DEFAULT);
        REFUSED(MESSAGE_READY, m->ready.guidance = -1);
        REFUSED(MESSAGE_READY, m->ready.guidance = NAN);
}

static void test_bad_digests(void **state)
{
        (void)state;
        REFUSED(MESSAGE_PICTURE, m->picture.precision = PRECISION_MAX);
        REFUSED(MESSAGE_PICTURE, m->picture.tokenizer[0] = 'a');
        REFUSED(MESSAGE_DIGEST, m->digest.digest[63] = '\0');
        REFUSED(MESSAGE_DIGEST, m->digest.digest[64] = 'a');
        REFUSED(MESSAGE_DIGEST, m->digest.digest[5] = 'A');
        REFUSED(MESSAGE_DIGEST, m->digest.check = MODEL_CHECK_MAX);
        REFUSED(MESSAGE_DIGEST, strcpy(m->digest.difference, "\xff"));
        REFUSED(MESSAGE_DIGEST, memset(m->digest.difference, 'a', sizeof(m->digest.difference)));
        REFUSED(MESSAGE_DIGEST, strcpy(m->digest.name, "two words"));
        REFUSED(MESSAGE_DIGEST, strcpy(m->digest.version, "\x80"));
        REFUSED(MESSAGE_DIGEST, strcpy(m->digest.license, "\x80"));
}

static void test_bad_starts(void **state)
{
        (void)state;
        REFUSED(MESSAGE_STARTED, m->started.width = 0);
        REFUSED(MESSAGE_STARTED, m->started.drawn_height = 4097);
        REFUSED(MESSAGE_STARTED, m->started.enlarge = ENLARGE_DEFAULT);
        REFUSED(MESSAGE_STARTED, m->started.enlarge = ENLARGE_MAX);
        REFUSED(MESSAGE_STARTED, m->started.sharpen = -1);
        REFUSED(MESSAGE_STARTED, m->started.smooth_edges = 1.1);
        REFUSED(MESSAGE_STARTED, m->started.remove_artefacts = NAN);
        REFUSED(MESSAGE_STARTED, m->started.height = UINT32_MAX);
        REFUSED(MESSAGE_STARTED, m->started.steps = 501);
        REFUSED(MESSAGE_STARTED, m->started.sampler = SAMPLER_MAX);
        REFUSED(MESSAGE_STARTED, m->started.guidance = -0.1);
}

static void test_bad_progress(void **state)
{
        (void)state;
        REFUSED(MESSAGE_PROGRESS, m->progress.picture = 64);
        REFUSED(MESSAGE_PROGRESS, m->progress.stage = STAGE_MAX);
        REFUSED(MESSAGE_PROGRESS, m->progress.step = 21);
        REFUSED(MESSAGE_PROGRESS, m->progress.steps = 1001);
        REFUSED(MESSAGE_PREVIEW_IS, m->preview.step = 1001);
        REFUSED(MESSAGE_PROGRESS, m->progress.fraction = -0.1);
        REFUSED(MESSAGE_PROGRESS, m->progress.fraction = 1.1);
        REFUSED(MESSAGE_PROGRESS, m->progress.fraction = NAN);
}

static void test_bad_pictures(void **state)
{
        (void)state;
        REFUSED(MESSAGE_PREVIEW_IS, m->preview.width = 257);
        REFUSED(MESSAGE_PREVIEW_IS, m->preview.height = 0);
        REFUSED(MESSAGE_PREVIEW_IS, m->preview.picture = 64);
        REFUSED(MESSAGE_PICTURE, m->picture.width = 2049);
        REFUSED(MESSAGE_PICTURE, m->picture.height = 0);
        REFUSED(MESSAGE_PICTURE, m->picture.picture = 64);
}

static void test_bad_failures(void **state)
{
        (void)state;
        REFUSED(MESSAGE_FAILED, m->failed.code = 0);
        REFUSED(MESSAGE_FAILED, m->failed.code = EINVAL);
        REFUSED(MESSAGE_FAILED, m->failed.code = INT32_MIN);
        REFUSED(MESSAGE_FAILED, memset(m->failed.text, 'a', sizeof(m->failed.text)));
        REFUSED(MESSAGE_FAILED, strcpy(m->failed.text, "\xe2\x80"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
        const struct CMUnitTest tests[] = {
                TEST(test_bad_frames),
                TEST(test_most_steps),
                TEST(test_bad_requests),
                TEST(test_bad_models),
                TEST(test_bad_digests),
                TEST(test_bad_starts),
                TEST(test_bad_progress),
                TEST(test_bad_pictures),
                TEST(test_bad_failures),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
