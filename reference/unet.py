"""Goldens of UNet2DModel: every option and every block type that it can run.

torch 2.13.0 (CPU), diffusers 0.40.0.dev0, commit 58eb52c0803ea9af3abec60841c2a093bdf1f951.
Run: PYTHONPATH=<diffusers>/src python reference/unet.py

A case's weights are not stored: they follow from its seed by "weights_rule". So does the
input, drawn from the same generator after the weights. Class labels that are not integers are
drawn after the input and stored as `<case>.class_labels`.
"""

import torch
from diffusers import UNet2DModel

import golden

BASE = {
    "sample_size": 8,
    "block_out_channels": (8, 16),
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
    "layers_per_block": 1,
    "norm_num_groups": 4,
}


def blocks(down, up, levels=2):
    """The same block at every level."""
    return {"down_block_types": (down,) * levels, "up_block_types": (up,) * levels}


SKIP = blocks("SkipDownBlock2D", "SkipUpBlock2D")
ATTENTION_SKIP = blocks("AttnSkipDownBlock2D", "AttnSkipUpBlock2D") | {
    "block_out_channels": (32, 64), "norm_num_groups": 8}
K = blocks("KDownBlock2D", "KUpBlock2D") | {"block_out_channels": (32, 64), "norm_num_groups": 8}

CASES = {
    # layout
    "plain": {},
    "one_level": {"block_out_channels": (8,), "down_block_types": ("DownBlock2D",),
                  "up_block_types": ("UpBlock2D",)},
    "three_levels_two_layers": {
        "sample_size": 16, "block_out_channels": (8, 16, 24), "layers_per_block": 2,
        "down_block_types": ("DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "AttnUpBlock2D", "UpBlock2D")},
    "three_layers": {"layers_per_block": 3},
    "falling_channels": {"block_out_channels": (16, 8)},
    "channels_in_and_out": {"in_channels": 5, "out_channels": 2},
    "not_square": {"sample_size": (8, 16)},
    "odd_size_not_halved": {"sample_size": (7, 5), "block_out_channels": (8,),
                            "down_block_types": ("AttnDownBlock2D",),
                            "up_block_types": ("AttnUpBlock2D",)},
    "mnist_course": {
        "sample_size": 28, "in_channels": 5, "out_channels": 1, "layers_per_block": 2,
        "block_out_channels": (32, 64, 64), "norm_num_groups": 32,
        "down_block_types": ("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
        "up_block_types": ("AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D")},
    "celebahq_miniature": {
        "sample_size": 32, "block_out_channels": (8, 8, 16, 16, 32, 32), "layers_per_block": 2,
        "down_block_types": ("DownBlock2D",) * 4 + ("AttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "AttnUpBlock2D") + ("UpBlock2D",) * 4,
        "downsample_padding": 0, "flip_sin_to_cos": False, "freq_shift": 1,
        "norm_eps": 1e-6, "attention_head_dim": None},
    # block types
    "attention_blocks": blocks("AttnDownBlock2D", "AttnUpBlock2D"),
    "resnet_blocks": blocks("ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D"),
    "skip_blocks": SKIP,
    "skip_blocks_three_levels": blocks("SkipDownBlock2D", "SkipUpBlock2D", 3) | {
        "sample_size": 16, "block_out_channels": (8, 16, 16), "layers_per_block": 2},
    "attention_skip_blocks": ATTENTION_SKIP,
    "attention_skip_blocks_null_head": ATTENTION_SKIP | {
        "attention_head_dim": None, "layers_per_block": 2},
    "skip_down_plain_up": {"down_block_types": ("SkipDownBlock2D", "AttnDownBlock2D")},
    "plain_down_skip_up": {"up_block_types": ("SkipUpBlock2D", "SkipUpBlock2D")},
    "ncsnpp_miniature": {
        "sample_size": 16, "block_out_channels": (32, 64, 64), "layers_per_block": 2,
        "down_block_types": ("SkipDownBlock2D", "AttnSkipDownBlock2D", "SkipDownBlock2D"),
        "up_block_types": ("SkipUpBlock2D", "AttnSkipUpBlock2D", "SkipUpBlock2D"),
        "norm_num_groups": None, "time_embedding_type": "fourier",
        "mid_block_scale_factor": 1.41421356237,
        "attention_head_dim": None, "norm_eps": 1e-6, "float_timesteps": True},
    "k_blocks": K,
    "k_blocks_two_layers_gelu": K | {"layers_per_block": 2, "act_fn": "gelu"},
    "k_attention_up": K | {"up_block_types": ("KCrossAttnUpBlock2D", "KUpBlock2D")},
    "k_attention": {
        "sample_size": 16, "block_out_channels": (32, 64, 64), "norm_num_groups": 8,
        "time_embedding_dim": 64, "layers_per_block": 2, "attention_head_dim": 16,
        "down_block_types": ("KDownBlock2D", "KCrossAttnDownBlock2D", "KCrossAttnDownBlock2D"),
        "up_block_types": ("KCrossAttnUpBlock2D", "KCrossAttnUpBlock2D", "KUpBlock2D")},
    "unetres_alias": {"down_block_types": ("UNetResDownBlock2D", "UNetResAttnDownBlock2D"),
                      "up_block_types": ("UNetResAttnUpBlock2D", "UNetResUpBlock2D")},
    # middle
    "mid_no_attention": {"add_attention": False},
    "mid_none": {"mid_block_type": None},
    "mid_scale": {"mid_block_scale_factor": 1.5},
    "mid_attention_groups": {"attn_norm_num_groups": 2},
    # time
    "fourier": {"time_embedding_type": "fourier", "timesteps": [1, 6]},
    "fourier_float_timesteps": {"time_embedding_type": "fourier", "float_timesteps": True},
    "learned_time": {"time_embedding_type": "learned", "num_train_timesteps": 1000},
    "sine_first_shift_one": {"flip_sin_to_cos": False, "freq_shift": 1},
    "odd_channels_embedding": {"block_out_channels": (9, 18), "norm_num_groups": 3,
                               "attention_head_dim": 9},
    "time_embedding_dim": {"time_embedding_dim": 20},
    "one_timestep_for_all": {"timesteps": [421]},
    # classes
    "class_embedding": {"num_class_embeds": 10},
    "class_timestep": {"class_embed_type": "timestep"},
    "class_timestep_fourier": {"class_embed_type": "timestep", "time_embedding_type": "fourier",
                               "timesteps": [2, 9]},
    "class_identity": {"class_embed_type": "identity"},
    # residual blocks, resampling, attention
    "scale_shift": {"resnet_time_scale_shift": "scale_shift"},
    "scale_shift_attention_groups": {"resnet_time_scale_shift": "scale_shift",
                                     "attn_norm_num_groups": 4},
    "scale_shift_resnet_blocks": blocks("ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D") | {
        "resnet_time_scale_shift": "scale_shift"},
    "padding_0": {"downsample_padding": 0},
    "padding_0_attention": blocks("AttnDownBlock2D", "AttnUpBlock2D") | {"downsample_padding": 0},
    "resample_by_resnet": blocks("AttnDownBlock2D", "AttnUpBlock2D") | {
        "downsample_type": "resnet", "upsample_type": "resnet"},
    "resample_ignored_by_plain": blocks("DownBlock2D", "UpBlock2D") | {
        "downsample_type": "resnet", "upsample_type": "resnet"},
    "dropout": {"dropout": 0.5},
    "swish": {"act_fn": "swish"},
    "mish": {"act_fn": "mish"},
    "gelu": {"act_fn": "gelu"},
    "relu": {"act_fn": "relu"},
    "head_dim_null": {"attention_head_dim": None},
    "head_dim_4": {"attention_head_dim": 4},
    "head_dim_not_dividing": {"attention_head_dim": 5},
    "norm_eps": {"norm_eps": 0.1},
    "center_input": {"center_input_sample": True},
}

TIMESTEPS = {False: [10, 733], True: [0.75, 12.5]}


def labels_of(model, generator):
    """Integers for an embedding, numbers like timesteps, or whole embeddings."""
    kind = model.config.class_embed_type
    if kind == "identity":
        return torch.randn(2, model.time_embedding.linear_2.out_features, generator=generator)
    if kind == "timestep":
        return torch.tensor([3.5, 420.0])
    if model.config.num_class_embeds is not None:
        return torch.tensor([7, 2])
    return None


def main():
    cases, tensors = [], {}
    for index, (name, options) in enumerate(CASES.items()):
        options = BASE | options
        timesteps = TIMESTEPS[options.pop("float_timesteps", False)]
        timesteps = options.pop("timesteps", timesteps)
        model = UNet2DModel(**options).eval()
        seed = 100 + index
        generator = golden.fill(model, seed)
        size = model.config.sample_size
        height, width = (size, size) if isinstance(size, int) else size
        sample = torch.randn(2, model.config.in_channels, height, width, generator=generator)
        labels = labels_of(model, generator)
        with torch.no_grad():
            output = model(sample, torch.tensor(timesteps), labels).sample
        print(f"{name:32} std {output.std():.3f} max {output.abs().max():.3f}")
        cases.append({
            "name": name, "seed": seed, "config": golden.config_of(model),
            "parameters": {key: list(value.shape)
                           for key, value in sorted(model.state_dict().items())},
            "timesteps": timesteps,
            "class_labels": None if labels is None or labels.dim() == 2 else labels.tolist()})
        tensors[f"{name}.sample"], tensors[f"{name}.output"] = sample, output
        if labels is not None and labels.is_floating_point():
            tensors[f"{name}.class_labels"] = labels
    golden.write("unet", {"weights_rule": golden.WEIGHTS_RULE, "cases": cases}, tensors)


if __name__ == "__main__":
    main()
