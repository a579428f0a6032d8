/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/tensor/plan.h"
#include "tests/engine/nets.h"

/* Every output of the file, "NAME/out_tT" for "NAME/sample" at timestep T. */
static void test_reference(void **state)
{
        _cleanup_(reference_done) Reference r = reference_open(*state, "unet.safetensors", 2);
        _cleanup_(unet_freep) UNet *unet = load_unet(*state);
        _cleanup_(unet_context_freep) UNetContext *context = NULL;
        UNetConditions conditions = load_conditions(&r);
        unsigned compared = 0;

        assert_int_equal(unet_context_new(&context, unet, &r.c, &conditions), 0);
        for (size_t i = 0; i < safetensors_count(r.file); i++) {
                const char *name = safetensors_at(r.file, i)->name, *slash = strchr(name, '/');
                char sample_name[64];
                float timestep;

                if (!slash || sscanf(slash, "/out_t%f", &timestep) != 1)
                        continue;
                (void)snprintf(sample_name, sizeof sample_name, "%.*s/sample", (int)(slash - name), name);
                Tensor sample = load_picture(&r, sample_name), wanted = load_picture(&r, name), got;
                assert_int_equal(unet_forward(unet, &r.c, context, &sample, timestep, &got), 0);
                assert_close(&got, &wanted, TOLERANCE, name);
                compared++;
        }
        assert_true(compared >= 2);
}

static Tensor run(const UNet *unet, Compute *c, const UNetConditions *conditions, const Tensor *sample)
{
        _cleanup_(unet_context_freep) UNetContext *context = NULL;
        Tensor ret;

        assert_int_equal(unet_context_new(&context, unet, c, conditions), 0);
        assert_int_equal(unet_forward(unet, c, context, sample, 500, &ret), 0);
        return ret;
}

/* What was computed for all timesteps at once is what each pass computes for itself, and is not computed again. */
static void test_schedule(void **state)
{
        static const float timesteps[] = { 981, 500, 1.5F };
        _cleanup_(reference_done) Reference r = reference_open(*state, "unet.safetensors", 2);
        _cleanup_(unet_freep) UNet *unet = load_unet(*state);
        _cleanup_(unet_context_freep) UNetContext *own = NULL, *scheduled = NULL, *last = NULL;
        UNetConditions conditions = load_conditions(&r);
        Tensor sample = load_picture(&r, "odd/sample"), wanted, got;

        assert_int_equal(unet_context_new(&own, unet, &r.c, &conditions), 0);
        assert_int_equal(unet_context_new(&scheduled, unet, &r.c, &conditions), 0);
        assert_int_equal(unet_context_schedule(scheduled, unet, &r.c, timesteps, ELEMENTSOF(timesteps)), 0);
        assert_int_equal(unet_context_last(&last, scheduled), 0);
        for (size_t i = 0; i < ELEMENTSOF(timesteps); i++) {
                r.c.flops = 0;
                assert_int_equal(unet_forward(unet, &r.c, own, &sample, timesteps[i], &wanted), 0);
                const double flops = r.c.flops;
                r.c.flops = 0;
                assert_int_equal(unet_forward(unet, &r.c, scheduled, &sample, timesteps[i], &got), 0);
                assert_true(r.c.flops < flops);
                assert_memory_equal(got.data, wanted.data, tensor_elements(&got) * sizeof(float));

                const Tensor one = tensor_picture(&sample, sample.n - 1), one_wanted = tensor_picture(&wanted, sample.n - 1);
                assert_int_equal(unet_forward(unet, &r.c, last, &one, timesteps[i], &got), 0);
                assert_close(&got, &one_wanted, TOLERANCE, "the last alone");
        }
        assert_int_equal(unet_forward(unet, &r.c, own, &sample, 7, &wanted), 0);
        assert_int_equal(unet_forward(unet, &r.c, scheduled, &sample, 7, &got), 0);
        assert_memory_equal(got.data, wanted.data, tensor_elements(&got) * sizeof(float));
}

static Tensor part_of(const Tensor *batch, uint32_t i)
{
        Tensor one = *batch;
        one.n = 1;
        one.data += i * tensor_elements(&one);
        return one;
}

/* The bits depend neither on the threads nor on what else is in the batch. */
typedef struct Forward {
        const UNet *unet;
        const UNetContext *context;
        const Tensor *sample;
} Forward;

static int forward_stage(Compute *c, const void *job)
{
        const Forward *f = job;
        Tensor got;

        return unet_forward(f->unet, c, f->context, f->sample, 500, &got);
}

/* What is planned is what is taken. */
static void test_plan(void **state)
{
        _cleanup_(reference_done) Reference r = reference_open(*state, "unet.safetensors", 2);
        _cleanup_(unet_freep) UNet *unet = load_unet(*state);
        _cleanup_(unet_context_freep) UNetContext *context = NULL;
        UNetConditions conditions = load_conditions(&r);
        Tensor sample = load_picture(&r, "odd/sample");
        Compute fresh = r.c;

        assert_int_equal(unet_context_new(&context, unet, &r.c, &conditions), 0);
        const Forward job = { unet, context, &sample };
        fresh.arena = arena_new(0);
        assert_int_equal(forward_stage(&fresh, &job), 0);
        assert_int_equal(plan_stage(&r.c, forward_stage, &job), arena_peak(fresh.arena));
        assert_true(arena_peak(fresh.arena) > tensor_elements(&sample) * sizeof(float));
        arena_free(fresh.arena);
}

static void test_same_bits(void **state)
{
        _cleanup_(reference_done) Reference r = reference_open(*state, "unet.safetensors", 1);
        _cleanup_(unet_freep) UNet *unet = load_unet(*state);
        UNetConditions all = load_conditions(&r);
        Tensor sample = load_picture(&r, "odd/sample");
        Tensor wanted = run(unet, &r.c, &all, &sample);

        for (unsigned threads = 2; threads <= 4; threads++) {
                r.c.threads = threads;
                Tensor got = run(unet, &r.c, &all, &sample);
                assert_memory_equal(got.data, wanted.data, tensor_elements(&got) * sizeof(float));
        }
        for (uint32_t i = 0; i < sample.n; i++) {
                UNetConditions one = all;
                Tensor one_sample = part_of(&sample, i), one_wanted = part_of(&wanted, i);
                one.text = part_of(&all.text, i);
                if (all.pooled.data)
                        one.pooled = part_of(&all.pooled, i);
                Tensor got = run(unet, &r.c, &one, &one_sample);
                assert_memory_equal(got.data, one_wanted.data, tensor_elements(&got) * sizeof(float));
        }
}

/* A pass leaves nothing behind in the arena but its result, and a second one needs no more memory. */
static void test_memory(void **state)
{
        _cleanup_(reference_done) Reference r = reference_open(*state, "unet.safetensors", 2);
        _cleanup_(unet_freep) UNet *unet = load_unet(*state);
        _cleanup_(unet_context_freep) UNetContext *context = NULL;
        Tensor text = load_rows(&r, "encoder_hidden_states"), sample = load_picture(&r, "square/sample"), got;
        size_t peak = 0;
        float *after = NULL;

        assert_int_equal(unet_context_new(&context, unet, &r.c, &(UNetConditions) { .text = text }), 0);
        ArenaMark mark = arena_mark(r.c.arena);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(unet_forward(unet, &r.c, context, &sample, 500, &got), 0);
                float *next = arena_alloc(r.c.arena, 1);
                assert_true(next >= got.data + tensor_elements(&got) &&
                            next < got.data + tensor_elements(&got) + 64);
                assert_true(!after || next == after);
                assert_true(peak == 0 || arena_peak(r.c.arena) == peak);
                arena_release(r.c.arena, mark);
                after = next;
                peak = arena_peak(r.c.arena);
        }
}

static void test_bad_input(void **state)
{
        _cleanup_(reference_done) Reference r = reference_open(*state, "unet.safetensors", 1);
        _cleanup_(unet_freep) UNet *unet = load_unet(*state);
        _cleanup_(unet_context_freep) UNetContext *context = NULL;
        Tensor text = load_rows(&r, "encoder_hidden_states"), sample = load_picture(&r, "square/sample"), got;

        Tensor narrow = text;
        narrow.c--;
        assert_int_equal(unet_context_new(&context, unet, &r.c, &(UNetConditions) { .text = narrow }), -EINVAL);
        assert_int_equal(unet_context_new(&context, unet, &r.c, &(UNetConditions) { .text = text }), 0);
        Tensor one = part_of(&sample, 0);
        assert_int_equal(unet_forward(unet, &r.c, context, &one, 1, &got), -EINVAL);
        Tensor thin = sample;
        thin.c--;
        assert_int_equal(unet_forward(unet, &r.c, context, &thin, 1, &got), -EINVAL);
}

/* Stable Diffusion XL is not told too little. */
static void test_bad_conditions(void **state)
{
        _cleanup_(reference_done) Reference r = reference_open(*state, "unet.safetensors", 1);
        _cleanup_(unet_freep) UNet *unet = load_unet(*state);
        UNetContext *context = NULL;
        const UNetConditions good = load_conditions(&r);

        UNetConditions none = good, narrow = good, few = good;
        none.pooled = (Tensor) {};
        narrow.pooled.c--;
        few.pooled.n--;
        assert_int_equal(unet_context_new(&context, unet, &r.c, &none), -EINVAL);
        assert_int_equal(unet_context_new(&context, unet, &r.c, &narrow), -EINVAL);
        assert_int_equal(unet_context_new(&context, unet, &r.c, &few), -EINVAL);
        assert_null(context);
}

/* Weights that do not fit the configuration are refused by name. */
static void test_wrong_weights(void **state)
{
        TestPath config_path = variant_path(*state, "model/unet/config.json");
        _cleanup_(weights_freep) Weights *weights =
                        load_weights(*state, "model/unet/diffusion_pytorch_model.safetensors");
        UNetConfig config;
        UNet *unet = NULL;
        Error error = {};

        assert_int_equal(unet_config_read(&config, config_path.text, &error), 0);
        config.layers_per_block[0]++;
        assert_int_equal(unet_new(&unet, &config, weights, PRECISION_F32, &error), -ENOENT);
        assert_non_null(strstr(error.text, "down_blocks.0.resnets."));
        config.layers_per_block[0]--;
        config.cross_attention_dim++;
        assert_int_equal(unet_new(&unet, &config, weights, PRECISION_F32, &error), -EBADMSG);
        assert_non_null(strstr(error.text, "attn2.to_k"));
        config.cross_attention_dim--;
        config.norm_groups = 7;
        assert_int_equal(unet_new(&unet, &config, weights, PRECISION_F32, &error), -EBADMSG);
        assert_null(unet);
}

/* What a cancelled pass leaves is what stood there before. */
static void test_cancelled(void **state)
{
        _cleanup_(reference_done) Reference r = reference_open(*state, "unet.safetensors", 2);
        _cleanup_(unet_freep) UNet *unet = load_unet(*state);
        _cleanup_(unet_context_freep) UNetContext *context = NULL;
        atomic_bool cancelled = false;
        Tensor text = load_rows(&r, "encoder_hidden_states"), sample = load_picture(&r, "odd/sample"), got;

        r.c.cancelled = &cancelled;
        assert_int_equal(unet_context_new(&context, unet, &r.c, &(UNetConditions) { .text = text }), 0);
        ArenaMark mark = arena_mark(r.c.arena);
        float *before = arena_alloc(r.c.arena, tensor_elements(&sample));
        for (size_t i = 0; i < tensor_elements(&sample); i++)
                before[i] = 12345;
        arena_release(r.c.arena, mark);

        atomic_store(&cancelled, true);
        assert_int_equal(unet_forward(unet, &r.c, context, &sample, 500, &got), 0);
        assert_ptr_equal(got.data, before);
        for (size_t i = 0; i < tensor_elements(&got); i++)
                assert_true(got.data[i] == 12345);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_prestate(test_reference, TINY),
                { "test_reference with linear projection", test_reference, NULL, NULL, LINEAR },
                { "test_reference with added conditioning", test_reference, NULL, NULL, XL },
                { "test_reference with embedded guidance", test_reference, NULL, NULL, LCM },
                cmocka_unit_test_prestate(test_plan, TINY),
                cmocka_unit_test_prestate(test_plan, XL),
                cmocka_unit_test_prestate(test_same_bits, TINY),
                { "test_same_bits with added conditioning", test_same_bits, NULL, NULL, XL },
                cmocka_unit_test_prestate(test_schedule, TINY),
                { "test_schedule with added conditioning", test_schedule, NULL, NULL, XL },
                { "test_schedule with embedded guidance", test_schedule, NULL, NULL, LCM },
                cmocka_unit_test_prestate(test_bad_conditions, XL),
                cmocka_unit_test_prestate(test_memory, TINY),
                cmocka_unit_test_prestate(test_bad_input, TINY),
                cmocka_unit_test_prestate(test_wrong_weights, TINY),
                cmocka_unit_test_prestate(test_cancelled, TINY),
                { "test_reference A", test_reference, NULL, NULL, GOLDEN_A },
                { "test_reference B", test_reference, NULL, NULL, GOLDEN_B },
                { "test_same_bits B", test_same_bits, NULL, NULL, GOLDEN_B },
        };

        (void)argc;
        return run_blas_tests(argv, tests);
}
