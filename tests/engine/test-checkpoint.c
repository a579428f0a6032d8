/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Single files in the original layouts make the same pictures, bit by bit, as the Diffusers folders that they were made
 * from (by tests/reference/to-original.py). */

#include <jansson.h>

#include "engine/inspect.h"
#include "engine/model/model.h"
#include "tests/engine/engines.h"
#include "tests/scratch.h"

#define CONVERT "$SOURCE/tests/reference/to-original.py model m.safetensors"
#define CONVERT_CPP "$SOURCE/tests/reference/to-original.py model cpp.safetensors cpp"
/* What is inferred and cannot be read from tiny shapes: a single head where 8 and 64 do not divide. */
#define ONE_HEAD "sed -i 's/\"num_attention_heads\": [0-9]*/\"num_attention_heads\": 1/' model/text_enc*/config.json; "

static void draw(const char *name, Sampler sampler, Picture *ret)
{
        _cleanup_(engine_freep) Engine *engine = open_engine(scratch_path("%s", name), 2);
        _cleanup_(freep) Request *request = new_request();
        Error error = {};

        strcpy(request->prompt, "a red fox, (old house:1.2)");
        strcpy(request->negative_prompt, "bad");
        request->width = 24;
        request->height = 16;
        request->steps = 3;
        request->guidance = 4;
        request->seed = 5;
        request->sampler = sampler;
        if (engine_generate(engine, request, 0, NULL, ret, &error) < 0)
                fail_msg("%s", error.text);
}

static void assert_same_picture_by(Sampler sampler, const char *a, const char *b)
{
        _cleanup_(picture_done) Picture one = {}, other = {};

        draw(a, sampler, &one);
        draw(b, sampler, &other);
        assert_int_equal(one.width, other.width);
        assert_int_equal(one.height, other.height);
        assert_memory_equal(one.rgb, other.rgb, (size_t)one.width * one.height * 3);
}

static void assert_same_picture(const char *a, const char *b)
{
        assert_same_picture_by(SAMPLER_EULER, a, b);
}

/* The folder without its card, and with what single files have by nature. */
static void copy_model(const char *name)
{
        scratch_run("rm -rf * && cp -RL $SOURCE/tests/fixtures/%s model && rm model/imagined.json && " ONE_HEAD
                    "sed -i 's/\"attention_head_dim\": 2/\"attention_head_dim\": 1/' model/unet/config.json",
                    name);
}

static void test_sd1(void **state)
{
        (void)state;
        copy_model("tiny-model");
        scratch_run(CONVERT);
        assert_same_picture("model", "m.safetensors");
}

/* OpenCLIP's layout, penultimate layer, "!" as padding. */
static void test_sd2(void **state)
{
        (void)state;
        copy_model("tiny-model");
        scratch_run("sed -i 's/\"quick_gelu\"/\"gelu\"/' model/text_encoder/config.json; "
                    "sed -i 's/\"pad_token\": \"[^\"]*\"/\"pad_token\": \"!\"/' model/tokenizer/*.json; " CONVERT "; " CONVERT_CPP);
        assert_same_picture("model", "m.safetensors");
        assert_same_picture("model", "cpp.safetensors");
}

#define XL_FOLDER                                                                                            \
        "rm model/vae -r; cp -RL $SOURCE/tests/fixtures/nets/tiny/model/vae model/vae; "                      \
        "sed -i s/AutoencoderTiny/AutoencoderKL/ model/model_index.json; "                                    \
        "sed -i s/0.18215/0.13025/ model/vae/config.json; "                                                   \
        "python3 -c 'import json; p = \"model/unet/config.json\"; c = json.load(open(p)); "                   \
        "c[\"attention_head_dim\"] = 1; json.dump(c, open(p, \"w\"))'; "

static void test_xl(void **state)
{
        (void)state;
        copy_model("tiny-xl");
        scratch_run(XL_FOLDER CONVERT "; " CONVERT_CPP);
        assert_same_picture("model", "m.safetensors");
        assert_same_picture("model", "cpp.safetensors");
}

/* The same tensors in GGUF: the same picture where they are stored alike, and a similar one where they are rounded. */
static void test_gguf(void **state)
{
        (void)state;
        copy_model("tiny-model");
        scratch_run("$SOURCE/tests/reference/to-original.py model m.gguf gguf");
        assert_same_picture("model", "m.gguf");
}

static void expect_error(const char *name, int code, const char *words)
{
        Engine *engine = NULL;
        Error error = {};

        int r = engine_new(&engine, scratch_path("%s", name), 1, &error);
        if (r != code || !strstr(error.text, words))
                fail_msg("%s: %d \"%s\" instead of \"%s\"", name, r, error.text, words);
}

static void test_vocabulary(void **state)
{
        (void)state;
        copy_model("tiny-model");
        scratch_run(CONVERT " && mv model/tokenizer . && rm -r model");
        expect_error("m.safetensors", -ENOENT, "a single file brings no vocabulary, and none of 714 entries");

        /* Beside the file; and in another directory of models. */
        scratch_run("cp tokenizer/vocab.json tokenizer/merges.txt .");
        engine_free(open_engine(scratch_path("m.safetensors"), 2));
        scratch_run("rm vocab.json merges.txt && mkdir -p other/any && mv tokenizer other/any/");
        char path[128];
        (void)snprintf(path, sizeof path, "/nonexistent:%s/other", scratch);
        assert_int_equal(setenv("IMAGINED_MODEL_PATH", path, 1), 0);
        engine_free(open_engine(scratch_path("m.safetensors"), 2));
        assert_int_equal(unsetenv("IMAGINED_MODEL_PATH"), 0);

        /* As OpenAI gave it out: the merges alone, of which the rest follows. */
        scratch_run("mkdir zipped && mv m.safetensors zipped/ && "
                    "gzip -c other/any/tokenizer/merges.txt >zipped/bpe_simple_vocab_16e6.txt.gz && "
                    "mkdir plain && cp zipped/m.safetensors other/any/tokenizer/*.txt other/any/tokenizer/vocab.json plain/");
        assert_same_picture("zipped/m.safetensors", "plain/m.safetensors");
        scratch_run("echo broken >zipped/bpe_simple_vocab_16e6.txt.gz");
        expect_error("zipped/m.safetensors", -ENOENT, "a single file brings no vocabulary");
        scratch_run("cd zipped && rm bpe_simple_vocab_16e6.txt.gz && mkfifo bpe_simple_vocab_16e6.txt.gz"); /* nobody will ever write there */
        expect_error("zipped/m.safetensors", -ENOENT, "a single file brings no vocabulary");
}

static void test_refused(void **state)
{
        (void)state;
        copy_model("tiny-model");
        scratch_run("cd model; printf 'PK\\003\\004zipped' >a.ckpt; printf '\\200\\002}q' >b.ckpt; "
                    "cp $SOURCE/tests/fixtures/nets/tiny/model/unet/diffusion_pytorch_model.safetensors unet.safetensors; "
                    "cd ..; " CONVERT "; sed s/cond_stage_model/cond_stage_modle/g m.safetensors >no-text.safetensors; "
                    "sed s/middle_block.1/middle_block.7/g m.safetensors >no-middle.safetensors; "
                    "sed s/first_stage_model.decoder.up/first_stage_model.decoder.ap/g m.safetensors >no-vae.safetensors; "
                    "head -c 1000 m.safetensors >short.safetensors");
        expect_error("model/a.ckpt", -EOPNOTSUPP, "a PyTorch pickle");
        expect_error("model/b.ckpt", -EOPNOTSUPP, "safetensors.torch");
        expect_error("model/unet.safetensors", -EOPNOTSUPP, "not a checkpoint of Stable Diffusion");
        expect_error("no-text.safetensors", -EBADMSG, "no text encoder");
        expect_error("no-middle.safetensors", -EBADMSG, "middle_block.1.transformer_blocks.0");
        expect_error("no-vae.safetensors", -EBADMSG, "first_stage_model.decoder.up.0.block.1");
        expect_error("short.safetensors", -EBADMSG, "short.safetensors");
}

static void expect_json(const char *path)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        assert_int_equal(inspect_model(path, true, out, NULL), 0);
        assert_int_equal(fclose(out), 0);
        json_t *object = json_loads(text, 0, NULL);
        assert_string_equal(json_string_value(json_object_get(object, "family")), "Stable Diffusion 1");
        assert_string_equal(json_string_value(json_object_get(object, "precision")), "F16");
        assert_int_equal(json_integer_value(json_object_get(object, "steps")), 2);
        assert_true(json_integer_value(json_object_get(object, "memory")) > 1000000);
        assert_true(json_integer_value(json_object_get(object, "parameters")) > 1000);
        assert_non_null(json_string_value(json_object_get(object, "inferred")));
        json_decref(object);
        free(text);
}


/* What is inferred, and what a card beside the file says. */
static void test_inferred(void **state)
{
        (void)state;
        copy_model("tiny-model");
        scratch_run(CONVERT " && mv m.safetensors sd_turbo_2step.safetensors");
        const char *path = scratch_path("sd_turbo_2step.safetensors");
        Model *model = NULL;
        Error error = {};

        if (model_open(&model, path, &error) < 0)
                fail_msg("%s", error.text);
        assert_string_equal(model->card.name, "sd_turbo_2step");
        assert_true(model->single);
        assert_int_equal(model->scheduler.beta_schedule, BETA_SCALED_LINEAR);
        assert_int_equal(model->scheduler.prediction, PREDICTION_EPSILON);
        assert_int_equal(model->scheduler.spacing, SPACING_TRAILING);
        assert_int_equal(model->card.steps, 2);
        assert_true(model->card.guidance > 0.99 && model->card.guidance < 1.01);
        assert_int_equal(model->card.sampler, SAMPLER_EULER_A);
        assert_non_null(strstr(model->inferred, "epsilon"));
        model_free(model);

        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        assert_non_null(out);
        assert_int_equal(inspect_model(path, false, out, &error), 0);
        assert_int_equal(fclose(out), 0);
        assert_non_null(strstr(text, "family       Stable Diffusion 1\n"));
        assert_non_null(strstr(text, "precision    F16\n"));
        assert_non_null(strstr(text, "steps        2\n"));
        assert_non_null(strstr(text, "sampler      euler-a\n"));
        assert_non_null(strstr(text, "inferred     scheduler"));
        free(text);
        expect_json(path);

        scratch_run("echo '{\"name\": \"mine\", \"steps\": 7, \"prediction_type\": \"v_prediction\"}' >sd_turbo_2step.json");
        assert_int_equal(model_open(&model, path, &error), 0);
        assert_string_equal(model->card.name, "mine");
        assert_int_equal(model->card.steps, 7);
        assert_int_equal(model->scheduler.prediction, PREDICTION_V);
        model_free(model);
}

/* Models of few steps are known by their names. */
static void test_few_steps(void **state)
{
        (void)state;
        static const struct {
                const char *model, *name;
                uint32_t steps;
                double guidance;
                Sampler sampler;
                TimestepSpacing spacing;
        } cases[] = {
                { "tiny-xl", "sdxl_lightning_8step", 8, 1, SAMPLER_EULER, SPACING_TRAILING },
                { "tiny-xl", "sd_xl_turbo_1.0", 4, 1, SAMPLER_EULER_A, SPACING_TRAILING },
                { "tiny-model", "LCM_Dreamshaper", 4, 1.5, SAMPLER_LCM, SPACING_DEFAULT },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(model_freep) Model *model = NULL;
                Error error = {};

                copy_model(cases[i].model);
                if (strstr(cases[i].model, "xl"))
                        scratch_run(XL_FOLDER CONVERT);
                else
                        scratch_run(CONVERT);
                scratch_run("mv m.safetensors %s.safetensors", cases[i].name);
                if (model_open(&model, scratch_path("%s.safetensors", cases[i].name), &error) < 0)
                        fail_msg("%s: %s", cases[i].name, error.text);
                assert_int_equal(model->card.steps, cases[i].steps);
                assert_float_equal(model->card.guidance, cases[i].guidance, 1e-6);
                assert_int_equal(model->card.sampler, cases[i].sampler);
                assert_int_equal(model->scheduler.spacing, cases[i].spacing);
        }
}

/* Distilled or not, with the sampler of latent consistency models, whose steps are some of a solver's. */
static void test_lcm(void **state)
{
        (void)state;
        copy_model("tiny-model");
        scratch_run(CONVERT);
        assert_same_picture_by(SAMPLER_LCM, "model", "m.safetensors");
}

/* An autoencoder of its own, in either layout. */
static void test_separate_vae(void **state)
{
        (void)state;
        copy_model("tiny-model");
        scratch_run(CONVERT " && mkdir one two && cp m.safetensors one/ && cp m.safetensors two/ && "
                    "cp model/vae/diffusion_pytorch_model.safetensors two/m.vae.safetensors && cp -r model/tokenizer one/ && "
                    "cp -r model one/model && cp -r model two/model");
        assert_same_picture("one/m.safetensors", "two/m.safetensors");
        scratch_run("sed s/model.diffusion_model/modal.diffusion_model/ m.safetensors >two/m.vae.safetensors");
        assert_same_picture("one/m.safetensors", "two/m.safetensors");

        scratch_run("echo broken >two/m.vae.safetensors");
        expect_error("two/m.safetensors", -EBADMSG, "m.vae.safetensors");
}

/* One of TAESD's kind. */
static void test_separate_tiny_vae(void **state)
{
        (void)state;
        copy_model("tiny-model");
        scratch_run(CONVERT " && rm -r model/vae && cp -RL $SOURCE/tests/fixtures/nets/xl/model/vae model/vae && "
                    "cp model/vae/diffusion_pytorch_model.safetensors m.vae.safetensors && "
                    "sed -i s/AutoencoderKL/AutoencoderTiny/ model/model_index.json");
        assert_same_picture("model", "m.safetensors");

        scratch_run("sed -i 's/encoder.layers.1.conv.0/encoder.layers.1.conw.0/g' m.vae.safetensors");
        expect_error("m.safetensors", -EBADMSG, "halves do not fit");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sd1),        cmocka_unit_test(test_sd2),     cmocka_unit_test(test_xl),
                cmocka_unit_test(test_gguf),       cmocka_unit_test(test_vocabulary), cmocka_unit_test(test_refused),
                cmocka_unit_test(test_inferred),   cmocka_unit_test(test_separate_vae), cmocka_unit_test(test_few_steps),
                cmocka_unit_test(test_lcm),
                cmocka_unit_test(test_separate_tiny_vae),
        };
        return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
