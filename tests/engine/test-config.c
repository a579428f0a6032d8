/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every config.json that a model has: what good ones say, and a clear error for each way to be broken. */

#include <sys/stat.h>

#include "engine/model/model.h"
#include "tests/engine/fixtures.h"

#define TINY "tests/fixtures/tiny-model"

/* The same function for all, so that one table can hold them. */
typedef int ReadConfig(const char *path, Error *error);

static int read_text_encoder(const char *path, Error *error)
{
        TextEncoderConfig config;
        return text_encoder_config_read(&config, path, error);
}

static int read_unet(const char *path, Error *error)
{
        UNetConfig config;
        return unet_config_read(&config, path, error);
}

static int read_vae(const char *path, Error *error)
{
        VaeConfig config;
        return vae_config_read(&config, path, error);
}

static int read_scheduler(const char *path, Error *error)
{
        SchedulerConfig config;
        return scheduler_config_read(&config, path, error);
}

static int read_tokenizer(const char *path, Error *error)
{
        TokenizerConfig config;
        return tokenizer_config_read(&config, path, "/nonexistent", error);
}

static int read_card(const char *path, Error *error)
{
        ModelCard card;
        return model_card_read(&card, path, error);
}

static const struct {
        const char *name, *path;
        ReadConfig *read;
} configs[] = {
        { "text_encoder", TINY "/text_encoder/config.json", read_text_encoder },
        { "unet", TINY "/unet/config.json", read_unet },
        { "vae", TINY "/vae/config.json", read_vae },
        { "scheduler", TINY "/scheduler/scheduler_config.json", read_scheduler },
        { "tokenizer", TINY "/tokenizer/tokenizer_config.json", read_tokenizer },
        { "card", TINY "/imagined.json", read_card },
};

/* One key of a good file changed: what comes of it. Words: what the sentence must say, beside file and key.
 */
static const struct {
        const char *config, *key, *value;
        int code;
        const char *words;
} changes[] = {
        { "text_encoder", "hidden_size", "\"12\"", -EBADMSG, "not a whole number" },
        { "text_encoder", "hidden_size", "0", -EBADMSG, "is not between" },
        { "text_encoder", "hidden_size", "-12", -EBADMSG, "is not between" },
        { "text_encoder", "hidden_size", "12.5", -EBADMSG, "not a whole number" },
        { "text_encoder", "hidden_size", "4294967308", -EBADMSG, "is not between" },
        { "text_encoder", "hidden_size", "13", -EBADMSG, "heads do not divide" },
        { "text_encoder", "num_attention_heads", "0", -EBADMSG, "is not between" },
        { "text_encoder", "num_hidden_layers", "129", -EBADMSG, "is not between" },
        { "text_encoder", "num_hidden_layers", "[]", -EBADMSG, "not a whole number" },
        { "text_encoder", "vocab_size", "9223372036854775807", -EBADMSG, "is not between" },
        { "text_encoder", "max_position_embeddings", "1e3", -EBADMSG, "not a whole number" },
        { "text_encoder", "hidden_act", "\"gelu\"", 0, NULL },
        { "text_encoder", "hidden_act", "\"relu\"", -EOPNOTSUPP, "\"relu\" is not supported" },
        { "text_encoder", "hidden_act", "1", -EBADMSG, "not a string" },
        { "text_encoder", "layer_norm_eps", "0", -EBADMSG, "is not between" },
        { "text_encoder", "layer_norm_eps", "\"small\"", -EBADMSG, "not a number" },
        { "text_encoder", "model_type", "\"bert\"", -EOPNOTSUPP, "\"bert\" is not supported" },
        { "text_encoder", "attention_dropout", "\"whatever\"", 0, NULL },

        { "unet", "block_out_channels", "[8, 0]", -EBADMSG, "is not between" },
        { "unet", "block_out_channels", "[]", -EBADMSG, "not a list" },
        { "unet", "block_out_channels", "8", -EBADMSG, "not a list" },
        { "unet", "block_out_channels", "[8, \"20\"]", -EBADMSG, "not a whole number" },
        { "unet", "block_out_channels", "[8, 8, 8, 8, 8, 8, 8, 8, 8]", -EBADMSG, "not a list of 1 to 8" },
        { "unet", "block_out_channels", "[8, 65540]", -EBADMSG, "is not between" },
        { "unet", "block_out_channels", "[8, 20, 20]", -EBADMSG, "2 blocks for 3 levels" },
        { "unet", "block_out_channels", "[8, 21]", -EBADMSG, "4 groups do not divide 21 channels" },
        { "unet", "norm_num_groups", "0", -EBADMSG, "is not between" },
        { "unet", "norm_num_groups", "3", -EBADMSG, "3 groups do not divide 8 channels" },
        { "unet", "norm_eps", "-1", -EBADMSG, "is not between" },
        { "unet", "down_block_types", "[\"DownBlock2D\"]", -EBADMSG, "1 blocks for 2 levels" },
        { "unet", "down_block_types", "[\"DownBlock2D\", \"AttnDownBlock2D\"]", -EOPNOTSUPP,
          "\"AttnDownBlock2D\" is not supported" },
        { "unet", "up_block_types", "[\"UpBlock2D\", 7]", -EBADMSG, "not a string" },
        { "unet", "up_block_types", "{}", -EBADMSG, "not a list" },
        { "unet", "attention_head_dim", "3", -EBADMSG, "3 heads do not divide 20 channels" },
        { "unet", "attention_head_dim", "[2]", -EBADMSG, "1 numbers for 2 levels" },
        { "unet", "attention_head_dim", "[2, 4]", 0, NULL },
        { "unet", "attention_head_dim", "[2, [4]]", -EBADMSG, "not a whole number" },
        { "unet", "num_attention_heads", "3", -EBADMSG, "3 heads do not divide 20 channels" },
        { "unet", "layers_per_block", "0", -EBADMSG, "is not between" },
        { "unet", "layers_per_block", "[1, 1000]", -EBADMSG, "is not between" },
        { "unet", "transformer_layers_per_block", "[[1], 1]", -EBADMSG, "not a whole number" },
        { "unet", "in_channels", "0", -EBADMSG, "is not between" },
        { "unet", "cross_attention_dim", "[12, 12]", -EBADMSG, "not a whole number" },
        { "unet", "use_linear_projection", "1", -EBADMSG, "neither true nor false" },
        { "unet", "act_fn", "\"gelu\"", -EOPNOTSUPP, "\"gelu\" is not supported" },
        { "unet", "mid_block_type", "\"UNetMidBlock2D\"", -EOPNOTSUPP, "is not supported" },
        { "unet", "class_embed_type", "\"timestep\"", -EOPNOTSUPP, "is not supported" },
        { "unet", "addition_embed_type", "\"text_time\"", 0, NULL },
        { "unet", "addition_embed_type", "\"text\"", -EOPNOTSUPP, "is not supported" },
        { "unet", "only_cross_attention", "true", -EOPNOTSUPP, "true is not supported" },
        { "unet", "mid_block_scale_factor", "1.0", 0, NULL },
        { "unet", "mid_block_scale_factor", "1.5", -EOPNOTSUPP, "is not supported" },
        { "unet", "time_cond_proj_dim", "256", 0, NULL },
        { "unet", "time_cond_proj_dim", "2", -EBADMSG, "is not between" },
        { "unet", "time_cond_proj_dim", "255", -EOPNOTSUPP, "an odd number" },
        { "unet", "sample_size", "null", 0, NULL },
        { "unet", "freq_shift", "1e300", -EBADMSG, "is not between" },

        { "vae", "block_out_channels", "[8, 10]", -EBADMSG, "4 groups do not divide 10 channels" },
        { "vae", "block_out_channels", "[8]", -EBADMSG, "2 blocks for 1 levels" },
        { "vae", "latent_channels", "0", -EBADMSG, "is not between" },
        { "vae", "latent_channels", "65536", -EBADMSG, "is not between" },
        { "vae", "down_block_types", "[\"DownEncoderBlock2D\", \"AttnDownEncoderBlock2D\"]", -EOPNOTSUPP,
          "is not supported" },
        { "vae", "up_block_types", "[\"UpDecoderBlock2D\"]", -EBADMSG, "1 blocks for 2 levels" },
        { "vae", "_class_name", "\"AutoencoderTiny\"", -EOPNOTSUPP, "silu" },
        { "vae", "scaling_factor", "0", -EBADMSG, "is not between" },
        { "vae", "scaling_factor", "null", 0, NULL },
        { "vae", "shift_factor", "\"0\"", -EBADMSG, "not a number" },
        { "vae", "latents_mean", "[0, 0, 0, 0]", -EOPNOTSUPP, "is not supported" },
        { "vae", "norm_num_groups", "0", -EBADMSG, "is not between" },

        { "scheduler", "num_train_timesteps", "0", -EBADMSG, "is not between" },
        { "scheduler", "num_train_timesteps", "1000000000", -EBADMSG, "is not between" },
        { "scheduler", "beta_start", "0", -EBADMSG, "is not between" },
        { "scheduler", "beta_end", "1", -EBADMSG, "is not between" },
        { "scheduler", "beta_schedule", "\"sigmoid\"", -EOPNOTSUPP, "is not supported" },
        { "scheduler", "prediction_type", "\"flow\"", -EOPNOTSUPP, "is not supported" },
        { "scheduler", "prediction_type", "\"v_prediction\"", 0, NULL },
        { "scheduler", "timestep_spacing", "\"karras\"", -EOPNOTSUPP, "is not supported" },
        { "scheduler", "trained_betas", "[0.1, 0.2]", -EOPNOTSUPP, "is not supported" },
        { "scheduler", "thresholding", "true", -EOPNOTSUPP, "is not supported" },
        { "scheduler", "_class_name", "1", -EBADMSG, "not a string" },

        { "tokenizer", "model_max_length", "2", -EBADMSG, "is not between" },
        { "tokenizer", "model_max_length", "1025", -EBADMSG, "is not between" },
        { "tokenizer", "bos_token", "\"\"", -EBADMSG, "not a token" },
        { "tokenizer", "eos_token", "5", -EBADMSG, "not a token" },
        { "tokenizer", "pad_token", "{\"content\": []}", -EBADMSG, "not a token" },
        { "tokenizer", "pad_token", "{\"content\": \"!\"}", 0, NULL },

        { "card", "name", "\"two words\"", -EBADMSG, "other characters" },
        { "card", "name", "\"../../etc\"", -EBADMSG, "other characters" },
        { "card", "steps", "0", -EBADMSG, "is not between" },
        { "card", "steps", "501", -EBADMSG, "is not between" },
        { "card", "guidance", "101", -EBADMSG, "is not between" },
        { "card", "guidance_rescale", "1.1", -EBADMSG, "is not between" },
        { "card", "sampler", "\"zigzag\"", -EOPNOTSUPP, "\"zigzag\" is not supported" },
        { "card", "sampler", "\"\"", 0, NULL },
        { "card", "native_size", "4096", -EBADMSG, "is not between" },
        { "card", "prompt_chunks", "0", -EBADMSG, "is not between" },
        { "card", "prompt_chunks", "17", -EBADMSG, "is not between" },
        { "card", "enlarge", "0", -EBADMSG, "is not between" },
        { "card", "enlarge", "9", -EBADMSG, "is not between" },
        { "card", "enlarge_with", "\"lanczos\"", 0, NULL },
        { "card", "enlarge_with", "\"waifu2x\"", -EOPNOTSUPP, "waifu2x" },
        { "card", "sharpen", "1", 0, NULL },
        { "card", "sharpen", "1.1", -EBADMSG, "is not between" },
        { "card", "remove_artefacts", "-0.1", -EBADMSG, "is not between" },
        { "card", "smooth_edges", "true", -EBADMSG, "number" },
        { "card", "touch_order", "[\"sharpen\", \"enlarge\"]", 0, NULL },
        { "card", "touch_order", "[\"sharpen\", \"sharpen\"]", -EBADMSG, "stands there twice" },
        { "card", "touch_order", "[\"blur\"]", -EOPNOTSUPP, "blur" },
        { "card", "touch_order", "[]", -EBADMSG, "not a list" },
        { "card", "license", "7", -EBADMSG, "not a string" },
        { "card", "license", "\"\\uFFFE\"", -EBADMSG, "no character" },
        { "card", "version", "\"0123456789012345678901234567890123456789\"", -EBADMSG,
          "longer than 31 bytes" },
};

static char scratch[] = "/tmp/config-XXXXXX";

static int make_scratch(void **state)
{
        (void)state;
        int fd = mkstemp(scratch);
        assert_true(fd >= 0);
        return close(fd);
}

static int remove_scratch(void **state)
{
        (void)state;
        return unlink(scratch);
}

static void write_text(const char *path, const char *text, size_t size)
{
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        assert_int_equal(fwrite(text, 1, size, f), size);
        assert_int_equal(fclose(f), 0);
}

static size_t find_config(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(configs); i++)
                if (streq(configs[i].name, name))
                        return i;
        fail_msg("no config %s", name);
        return 0;
}

static void test_changes(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
                size_t config = find_config(changes[i].config);
                json_t *root = load_json(configs[config].path);
                json_t *value = json_loads(changes[i].value, JSON_DECODE_ANY, NULL);
                Error error = {};

                assert_non_null(value);
                json_object_set_new(root, changes[i].key, value);
                assert_int_equal(json_dump_file(root, scratch, 0), 0);
                json_decref(root);

                int r = configs[config].read(scratch, &error);
                if (r != changes[i].code || error.code != r)
                        fail_msg("%s: %s = %s: %d \"%s\"", changes[i].config, changes[i].key,
                                 changes[i].value, r, error.text);
                if (r < 0 && (!strstr(error.text, changes[i].words) || !strstr(error.text, scratch)))
                        fail_msg("%s: %s = %s: \"%s\"", changes[i].config, changes[i].key, changes[i].value,
                                 error.text);
        }
}

/* What is wrong with any JSON file. */
static void test_broken_files(void **state)
{
        (void)state;
        static const struct {
                const char *text, *words;
        } files[] = {
                { "", "line 1" },
                { "[]", "not a JSON object" },
                { "{", "line 1" },
                { "{}}", "line 1" },
                { "{\"a\": 1,\n \"a\": 2}", "line 2" },
                { "{\"a\": \"\xff\"}", "line 1" },
                { "{\"a\": \"\\ud800\"}", "line 1" },
                { "{\"a\": 99999999999999999999}", "too big integer" },
                { "{\"a\": NaN}", "line 1" },
                { "{\"a\": 1e999}", "real number overflow" },
        };
        Error error = {};

        for (size_t c = 0; c < ELEMENTSOF(configs); c++) {
                for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                        write_text(scratch, files[i].text, strlen(files[i].text));
                        int r = configs[c].read(scratch, &error);
                        if (r != -EBADMSG || !strstr(error.text, files[i].words))
                                fail_msg("%s, %s: %d \"%s\"", configs[c].name, files[i].text, r, error.text);
                }
                assert_int_equal(configs[c].read("/nonexistent.json", &error), -ENOENT);
                assert_int_equal(configs[c].read("/tmp", &error), -EBADMSG);

                write_text(scratch, "{}", 2); /* all defaults */
                assert_int_equal(configs[c].read(scratch, &error), 0);
                assert_int_equal(truncate(scratch, (1 << 20) + 1), 0);
                assert_int_equal(configs[c].read(scratch, &error), -EBADMSG);
                assert_non_null(strstr(error.text, "the limit is"));
        }
}

static void test_deep(void **state)
{
        (void)state;
        enum { DEPTH = 50000 };
        _cleanup_(freep) char *text = malloc(DEPTH * 5);
        Error error = {};
        assert_non_null(text);
        for (size_t i = 0; i < (size_t)DEPTH * 5; i++)
                text[i] = "{\"a\":"[i % 5];
        write_text(scratch, text, DEPTH * 5);
        assert_int_equal(read_unet(scratch, &error), -EBADMSG);
        assert_non_null(strstr(error.text, "depth"));
}

static void test_values(void **state)
{
        (void)state;
        UNetConfig unet;
        VaeConfig vae;
        TextEncoderConfig text;
        SchedulerConfig scheduler;
        TokenizerConfig tokenizer;

        assert_int_equal(unet_config_read(&unet, "tests/fixtures/nets/linear/model/unet/config.json", NULL),
                         0);
        assert_int_equal(unet.n_levels, 3);
        assert_int_equal(unet.n_heads[0], 1);
        assert_int_equal(unet.n_heads[1], 3);
        assert_int_equal(unet.n_heads[2], 4);
        assert_int_equal(unet.transformer_layers[2], 2);
        assert_true(unet.down_attention[0] && !unet.down_attention[1] && unet.down_attention[2]);
        assert_true(unet.up_attention[0] && !unet.up_attention[1] && unet.up_attention[2]);
        assert_true(unet.use_linear_projection);
        assert_false(unet.flip_sin_to_cos);

        assert_int_equal(vae_config_read(&vae, "tests/fixtures/nets/linear/model/vae/config.json", NULL), 0);
        assert_false(vae.mid_attention || vae.use_quant_conv || vae.use_post_quant_conv);
        assert_int_equal(vae.latent_channels, 3);
        assert_int_equal(vae.block_out_channels[2], 16);

        write_text(scratch, "{}", 2); /* what the libraries take for granted */
        assert_int_equal(unet_config_read(&unet, scratch, NULL), 0);
        assert_int_equal(unet.n_levels, 4);
        assert_int_equal(unet.block_out_channels[3], 1280);
        assert_true(unet.down_attention[2] && !unet.down_attention[3] && !unet.up_attention[0] &&
                    unet.up_attention[3]);
        assert_int_equal(unet.cross_attention_dim, 1280);
        assert_int_equal(vae_config_read(&vae, scratch, NULL), 0);
        assert_true(vae.mid_attention && vae.use_quant_conv && vae.use_post_quant_conv);
        assert_int_equal(vae.n_levels, 1);
        assert_int_equal(text_encoder_config_read(&text, scratch, NULL), 0);
        assert_int_equal(text.vocab_size, 49408);
        assert_int_equal(text.activation, ACTIVATION_QUICK_GELU);
        assert_int_equal(scheduler_config_read(&scheduler, scratch, NULL), 0);
        assert_int_equal(scheduler.train_timesteps, 1000);
        assert_int_equal(scheduler.class_sampler, SAMPLER_DEFAULT);
        assert_true(scheduler.set_alpha_to_one && scheduler.clip_sample);
        assert_int_equal(tokenizer_config_read(&tokenizer, scratch, "/nonexistent", NULL), 0);
        assert_int_equal(tokenizer.max_length, 77);
        assert_string_equal(tokenizer.eos_token, "<|endoftext|>");

        const char *config = "{\"pad_token\": \"x\"}";
        write_text(scratch, config, strlen(config)); /* special_tokens_map.json has the last word */
        assert_int_equal(tokenizer_config_read(&tokenizer, "tests/fixtures/tokenizer/tokenizer_config.json",
                                               scratch, NULL),
                         0);
        assert_string_equal(tokenizer.pad_token, "x");
}

static char *copy_model(void)
{
        static char dir[32];
        char command[256];

        (void)snprintf(dir, sizeof(dir), "/tmp/model-XXXXXX");
        assert_non_null(mkdtemp(dir));
        (void)snprintf(command, sizeof(command), "cp -RL %s/. %s", TINY, dir);
        assert_int_equal(system(command), 0);
        return dir;
}

static void remove_model(const char *dir)
{
        char command[256];
        (void)snprintf(command, sizeof(command), "rm -r %s", dir);
        assert_int_equal(system(command), 0);
}

/* Runs a shell command in a copy of the tiny model, opens what came of it, and checks the error. */
static void check_model(const char *change, int code, const char *words)
{
        const char *dir = copy_model();
        char command[1024];
        Model *model = NULL;
        Error error = {};

        (void)snprintf(command, sizeof(command), "cd %s && %s", dir, change);
        assert_int_equal(system(command), 0);
        int r = model_open(&model, dir, &error);
        if (r != code || (r < 0 && !strstr(error.text, words)))
                fail_msg("%s: %d \"%s\"", change, r, error.text);
        assert_int_equal(error.code, code);
        model_free(model);
        remove_model(dir);
}

static void test_models(void **state)
{
        (void)state;
        check_model("true", 0, NULL);
        check_model("rm imagined.json", 0, NULL);
        check_model("rm tokenizer/special_tokens_map.json", 0, NULL);
        check_model("mv unet/diffusion_pytorch_model.safetensors "
                    "unet/diffusion_pytorch_model.fp16.safetensors",
                    0, NULL);
        check_model("$OLDPWD/tests/reference/shard.py unet/diffusion_pytorch_model.safetensors 3", 0, NULL);
        check_model("$OLDPWD/tests/reference/shard.py unet/diffusion_pytorch_model.safetensors 3 && "
                    "rm unet/*-00002-*",
                    -ENOENT, "unet/diffusion_pytorch_model-00002-of-00003.safetensors: No such file");
        check_model("$OLDPWD/tests/reference/shard.py unet/diffusion_pytorch_model.safetensors 3 && "
                    "sed -i s,conv_in.bias,conv_in.bios, unet/*.index.json",
                    -EBADMSG, "no tensor \"conv_in.bios\" in diffusion_pytorch_model-0000");
        check_model("$OLDPWD/tests/reference/shard.py unet/diffusion_pytorch_model.safetensors 3 && "
                    "sed -i 's,diffusion_pytorch_model-,../unet/&,' unet/*.index.json",
                    -EBADMSG, "is not a file of its folder");
        check_model("$OLDPWD/tests/reference/shard.py unet/diffusion_pytorch_model.safetensors 3 && "
                    "echo {} >unet/diffusion_pytorch_model.safetensors.index.json",
                    -EBADMSG, "no \"weight_map\"");
        check_model("rm model_index.json", -ENOENT, "model_index.json: No such file");
        check_model("rm unet/config.json", -ENOENT, "unet/config.json: No such file");
        check_model("rm scheduler/scheduler_config.json", -ENOENT, "scheduler_config.json: No such file");
        check_model("rm tokenizer/tokenizer_config.json", -ENOENT, "tokenizer_config.json: No such file");
        check_model("rm text_encoder/model.safetensors", -ENOENT, "text_encoder: no model.safetensors");
        check_model("rm vae/diffusion_pytorch_model.safetensors", -ENOENT,
                    "vae: no diffusion_pytorch_model.safetensors");
        check_model("cd vae && rm *.safetensors && mkfifo diffusion_pytorch_model.safetensors", -EBADMSG,
                    "not a regular file");
        check_model("rm vae/config.json && mkfifo vae/config.json", -EBADMSG, "not a regular file");
        check_model("rm vae/config.json && mkdir vae/config.json", -EBADMSG, "not a regular file");
        check_model("echo broken >imagined.json", -EBADMSG, "imagined.json");
        check_model("sed -i s/StableDiffusionPipeline/FluxPipeline/ model_index.json", -EOPNOTSUPP,
                    "_class_name: \"FluxPipeline\" is not supported");
        check_model("sed -i s/AutoencoderKL/AutoencoderDC/ model_index.json", -EOPNOTSUPP,
                    "vae: AutoencoderDC is not supported");
        check_model("sed -i 's/\"unet\"/\"other\"/' model_index.json", -EBADMSG, "unet: no such component");
        check_model("sed -i 's/\"cross_attention_dim\": 12/\"cross_attention_dim\": 16/' unet/config.json",
                    -EBADMSG, "unet wants embeddings of 16 numbers, text_encoder makes 12");
        check_model("sed -i 's/\"max_position_embeddings\": 77/\"max_position_embeddings\": 20/' "
                    "text_encoder/config.json",
                    -EBADMSG, "tokenizer makes 77 tokens, text_encoder takes 20");
        check_model("sed -i 's/\"in_channels\": 4/\"in_channels\": 8/' unet/config.json", -EOPNOTSUPP,
                    "unet with 8 channels in");
        check_model("sed -i 's/\"out_channels\": 3/\"out_channels\": 4/' vae/config.json", -EOPNOTSUPP,
                    "4 colour channels");
}

static void test_names(void **state)
{
        (void)state;
        const char *dir = copy_model();
        char path[64];
        Model *model = NULL;

        /* Without a card, the folder; what cannot travel on the bus is replaced. */
        (void)snprintf(path, sizeof(path), "%s/imagined.json", dir);
        assert_int_equal(unlink(path), 0);
        (void)snprintf(path, sizeof(path), "%s é", dir);
        assert_int_equal(rename(dir, path), 0);
        assert_int_equal(model_open(&model, path, NULL), 0);
        assert_int_equal(strncmp(model->card.name, "model-", 6), 0);
        assert_string_equal(model->card.name + strlen(model->card.name) - 3, "---");
        assert_int_equal(model->card.enlarge, 1);
        assert_true(model->card.guidance < 0);
        /* As diffusers' pipeline has them. */
        assert_int_equal(model->scheduler.steps_offset, 1);
        assert_false(model->scheduler.clip_sample);
        model_free(model);
        assert_int_equal(rename(path, dir), 0);
        remove_model(dir);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_changes), cmocka_unit_test(test_broken_files),
                cmocka_unit_test(test_deep),    cmocka_unit_test(test_values),
                cmocka_unit_test(test_models),  cmocka_unit_test(test_names),
        };
        return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
