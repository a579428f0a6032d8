# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sizes of the networks and of the noise schedule, in the form of the config.json files."""

VAE = {
    "_class_name": "AutoencoderKL", "act_fn": "silu", "in_channels": 3, "out_channels": 3,
    "block_out_channels": [16, 32, 64, 128], "layers_per_block": 1, "latent_channels": 8, "norm_num_groups": 8,
    "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4,
    "mid_block_add_attention": False, "sample_size": 128, "scaling_factor": 1.0,
}

CONTEXT = 32  # tokens, the two marks included

TEXT = {
    "architectures": ["CLIPTextModel"], "model_type": "clip_text_model", "hidden_act": "quick_gelu",
    "hidden_size": 256, "intermediate_size": 1024, "layer_norm_eps": 1e-5, "max_position_embeddings": CONTEXT,
    "num_attention_heads": 4, "num_hidden_layers": 2, "vocab_size": 0,  # set from the tokenizer
}

UNET = {
    "_class_name": "UNet2DConditionModel", "act_fn": "silu", "in_channels": 8, "out_channels": 8, "sample_size": 16,
    "block_out_channels": [96, 192], "layers_per_block": 1, "attention_head_dim": 4, "cross_attention_dim": 256,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"], "mid_block_type": "UNetMidBlock2DCrossAttn",
    "downsample_padding": 1, "flip_sin_to_cos": True, "freq_shift": 0, "norm_eps": 1e-5, "norm_num_groups": 16,
    "transformer_layers_per_block": 1, "use_linear_projection": True, "center_input_sample": False,
}

SCHEDULER = {
    "_class_name": "DDIMScheduler", "num_train_timesteps": 1000, "beta_schedule": "scaled_linear",
    "beta_start": 0.00085, "beta_end": 0.012, "prediction_type": "v_prediction", "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing", "clip_sample": False, "set_alpha_to_one": True, "steps_offset": 1,
}
