# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sizes of the networks and of the noise schedule, in the form of the config.json files.

VAE, TEXT and UNET are those of the preset for a CPU; PRESETS has all.
"""

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

# Half an hour of one large GPU (gpu/run.py): 51 M parameters, which is why that preset is stored in 8 bit.
GPU_VAE = {**VAE, "block_out_channels": [64, 128, 256, 256], "norm_num_groups": 32}
GPU_TEXT = {**TEXT, "hidden_size": 384, "intermediate_size": 1536, "num_attention_heads": 6, "num_hidden_layers": 4}
GPU_UNET = {
    **UNET, "block_out_channels": [128, 256], "layers_per_block": 2, "attention_head_dim": [4, 8],
    "cross_attention_dim": 384, "norm_num_groups": 32,
    "down_block_types": ["CrossAttnDownBlock2D"] * 2, "up_block_types": ["CrossAttnUpBlock2D"] * 2,
}

PRESETS = {
    "cpu": {"vae": VAE, "text": TEXT, "unet": UNET},
    "gpu": {"vae": GPU_VAE, "text": GPU_TEXT, "unet": GPU_UNET},
    "tiny": {  # draws nothing: for trying out every stage in seconds
        "vae": {**VAE, "block_out_channels": [8, 8, 16, 16]},
        "text": {**TEXT, "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2},
        "unet": {**GPU_UNET, "block_out_channels": [16, 32], "layers_per_block": 1, "attention_head_dim": [2, 2],
                 "cross_attention_dim": 32, "norm_num_groups": 8},
    },
}
