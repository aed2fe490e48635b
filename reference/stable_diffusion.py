"""Golden values of the networks of Stable Diffusion: golden/stable_diffusion.json, .safetensors.

Every network computes in float64; the tests compare float32 with it. Weights are moderate: queries and
keys three times as large as others, so that attention is selective, gains 1 +- 0.1, biases 0.05. Groups
have several channels, because groups of one erase anything added before a normalisation.
Mutants are the same networks with one fault each; the tests must tell them apart.
"""

import hashlib
import math

import golden
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from diffusers.models import activations
from diffusers.models.attention_processor import Attention
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

RULE = (
    "gen = torch.Generator().manual_seed(seed); for name in sorted(state_dict) (by code point): "
    "t = torch.randn(shape, generator=gen); "
    "1-D and name ends in 'weight': 1 + 0.1 * t; other 1-D: 0.05 * t; "
    "names with 'embedding.weight': t; with n = prod(shape[1:]): names with 'conv_out': "
    "t / sqrt(n / 3); queries and keys: 3 * (t / sqrt(3 * n)); else: t / sqrt(3 * n)"
)
SHARP = (".to_q.", ".to_k.", ".q_proj.", ".k_proj.")


def fill(model, seed, prefix=""):
    generator = torch.Generator().manual_seed(seed)
    state = {prefix + name: value for name, value in model.state_dict().items()}
    filled = {}
    for name in sorted(state):
        t = torch.randn(state[name].shape, generator=generator)
        filled[name[len(prefix):]] = weight(name, t)
    model.load_state_dict(filled)
    return generator


def weight(name, t):
    if t.dim() == 1:
        return 1 + 0.1 * t if name.endswith("weight") else 0.05 * t
    if "embedding.weight" in name:
        return t
    fan_in = math.prod(t.shape[1:])
    if "conv_out" in name:
        return t / math.sqrt(fan_in / 3)
    scaled = t / math.sqrt(3 * fan_in)
    return 3 * scaled if any(part in name for part in SHARP) else scaled


# ---- U-Nets

BASE = {
    "sample_size": 8, "block_out_channels": (32, 64), "layers_per_block": 1, "norm_num_groups": 8,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "attention_head_dim": 4, "cross_attention_dim": 32}
TWO = BASE | {"attention_head_dim": (2, 4), "cross_attention_dim": 48,
              "use_linear_projection": True, "layers_per_block": 2}
XL = BASE | {
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "attention_head_dim": (2, 4), "use_linear_projection": True, "cross_attention_dim": 64,
    "transformer_layers_per_block": (1, 2), "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 80}
UNETS = {
    "sd1": BASE,
    "sd2": TWO,
    "xl": XL,
    "refiner": XL | {
        "block_out_channels": (32, 64, 64, 64), "attention_head_dim": (2, 4, 8, 8),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D",
                             "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": 2, "projection_class_embeddings_input_dim": 72},
    "inpaint": BASE | {"in_channels": 9},
    "lcm": BASE | {"time_cond_proj_dim": 16},
    "upscaler": TWO | {"num_class_embeds": 1000, "only_cross_attention": (True, False),
                       "in_channels": 7, "layers_per_block": (1, 2)},
    "odd_size": BASE | {
        "sample_size": (7, 10), "block_out_channels": (16, 32, 32),
        "down_block_types": ("CrossAttnDownBlock2D",) * 2 + ("DownBlock2D",),
        "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 2},
    "resnet_blocks": BASE | {
        "down_block_types": ("ResnetDownsampleBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        "resnet_time_scale_shift": "scale_shift"},
    "mid_plain": BASE | {"mid_block_type": "UNetMidBlock2D", "act_fn": "mish",
                         "downsample_padding": 0, "mid_block_scale_factor": 1.5},
    "mid_none": BASE | {"mid_block_type": None, "conv_in_kernel": 5, "conv_out_kernel": 1},
    "time_options": BASE | {"time_embedding_dim": 24, "time_embedding_act_fn": "silu",
                            "timestep_post_act": "gelu", "flip_sin_to_cos": False,
                            "freq_shift": 1, "center_input_sample": True},
    "text_proj": BASE | {"encoder_hid_dim": 20},
    "class_projection": BASE | {"class_embed_type": "projection",
                                "projection_class_embeddings_input_dim": 12,
                                "class_embeddings_concat": True},
    "class_simple": BASE | {"class_embed_type": "simple_projection",
                            "projection_class_embeddings_input_dim": 12},
    "class_identity": BASE | {"class_embed_type": "identity"},
    "class_timestep": BASE | {"class_embed_type": "timestep"},
    "heads_not_dividing": BASE | {"attention_head_dim": 5},
    "layers_apart": XL | {  # as in SSD-1B and Vega: each layer has a depth of its own
        "layers_per_block": 2, "mid_block_type": "UNetMidBlock2D",
        "transformer_layers_per_block": (1, (2, 1)),
        "reverse_transformer_layers_per_block": ((1, 2, 3), 1)},
    "layers_apart_mid": TWO | {
        "transformer_layers_per_block": ((1, 2), (2, 3)),
        "reverse_transformer_layers_per_block": (1, (1, 1, 2))},
    "resnet_options": BASE | {
        "block_out_channels": (32, 64, 64), "time_embedding_act_fn": "silu",
        "down_block_types": ("ResnetDownsampleBlock2D", "CrossAttnDownBlock2D",
                             "ResnetDownsampleBlock2D"),
        "up_block_types": ("ResnetUpsampleBlock2D", "CrossAttnUpBlock2D",
                           "ResnetUpsampleBlock2D"),
        "resnet_skip_time_act": True, "resnet_out_scale_factor": 1.4},
    "fourier": BASE | {"time_embedding_type": "fourier"},
    "fourier_options": BASE | {
        "time_embedding_type": "fourier", "flip_sin_to_cos": False, "time_embedding_dim": 24,
        "class_embed_type": "timestep", "time_cond_proj_dim": 16},
}


def inputs(model, generator):
    c = model.config
    size = (c.sample_size,) * 2 if isinstance(c.sample_size, int) else c.sample_size
    dim = c.encoder_hid_dim or c.cross_attention_dim
    given = {"sample": torch.randn(2, c.in_channels, *size, generator=generator),
             "tokens": torch.randn(2, 7, dim, generator=generator)}
    if c.addition_embed_type:
        numbers = [[64, 48, 0, 4, 32, 32], [32, 32, 8, 0, 64, 64]]
        count = (c.projection_class_embeddings_input_dim - 32) // c.addition_time_embed_dim
        given["vector"] = torch.randn(2, 32, generator=generator)
        given["sizes"] = torch.tensor(numbers, dtype=torch.float32)[:, :count]
    if c.class_embed_type in ("projection", "simple_projection"):
        given["vector"] = torch.randn(2, 12, generator=generator)
    if c.class_embed_type == "identity":
        given["vector"] = torch.randn(2, 128, generator=generator)
    if c.time_cond_proj_dim:
        given["guidance"] = torch.randn(2, c.time_cond_proj_dim, generator=generator)
    if c.num_class_embeds or c.class_embed_type == "timestep":
        given["labels"] = torch.tensor([20, 600])
    return given


def predict(model, given):
    d = {key: value.double() if value.is_floating_point() else value
         for key, value in given.items()}
    labels = d.get("labels")
    if model.config.class_embed_type in ("projection", "simple_projection", "identity"):
        labels = d["vector"]
    elif model.config.class_embed_type == "timestep":
        labels = labels.float()
    added = {"text_embeds": d["vector"], "time_ids": d["sizes"]} if "sizes" in d else None
    with torch.no_grad():
        return model(d["sample"], torch.tensor([10, 733]), d["tokens"], class_labels=labels,
                     timestep_cond=d.get("guidance"), added_cond_kwargs=added).sample.float()


def unets(document, tensors):
    for index, (name, options) in enumerate(UNETS.items()):
        model = UNet2DConditionModel(**options).eval()
        generator = fill(model, 300 + index)
        given = inputs(model, generator)
        model = model.double()
        if options.get("time_embedding_type") == "fourier":
            model.time_proj.float()  # thousands of radians have other sines in float64
        output = predict(model, given)
        single = predict_single(options, 300 + index, given)
        print(f"{name:20} std {output.std():.3f} float32 off by {(single - output).abs().max():.1e}")
        document.append(case(name, 300 + index, model))
        for key, value in given.items():
            tensors[f"{name}.{key}"] = value
        tensors[f"{name}.output"] = output
        if name in ("sd1", "xl"):
            for mutant, change in UNET_MUTANTS.items():
                broken = UNet2DConditionModel(**options).eval()
                fill(broken, 300 + index)
                undo = change(broken)
                wrong = predict(broken.double(), given)
                undo()
                print(f"  {mutant:20} moves it by {(wrong - output).abs().max():.1e}")
                tensors[f"{name}.mutant.{mutant}"] = wrong


def predict_single(options, seed, given):
    """The same in float32, to see the effect of rounding alone."""
    model = UNet2DConditionModel(**options).eval()
    fill(model, seed)
    model.double = lambda: model
    torch.Tensor.double, double = (lambda self: self), torch.Tensor.double
    try:
        return predict(model, given)
    finally:
        torch.Tensor.double = double


def case(name, seed, model):
    return {"name": name, "seed": seed, "config": golden.config_of(model),
            "schema": schema(model)}


def schema(model):
    """SHA-256 of a line for each weight: its name and its shape."""
    lines = [f"{name} {list(value.shape)}\n" for name, value in sorted(model.state_dict().items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def nothing():
    pass


def epsilon(kind, parts, value):
    def change(model):
        for name, module in model.named_modules():
            if isinstance(module, kind) and any(part in name + "." for part in parts):
                module.eps = value
        return nothing
    return change


def tanh_gelu(model):
    exact = activations.F.gelu
    activations.F.gelu = lambda x, approximate="none": exact(x, approximate="tanh")

    def undo():
        activations.F.gelu = exact
    return undo


def swapped_heads(model):
    for module in model.modules():
        if isinstance(module, Attention):
            module.heads = module.inner_dim // module.heads
    return nothing


def no_flip(model):
    model.time_proj.flip_sin_to_cos = False
    return nothing


def shifted(model):
    model.time_proj.downscale_freq_shift = 1
    return nothing


UNET_MUTANTS = {
    "resnet_epsilon": epsilon(torch.nn.GroupNorm, ("resnets.",), 1e-6),
    "last_epsilon": epsilon(torch.nn.GroupNorm, ("conv_norm_out",), 1e-6),
    "transformer_epsilon": epsilon(torch.nn.GroupNorm, ("attentions.",), 1e-5),
    "tanh_gelu": tanh_gelu, "swapped_heads": swapped_heads, "no_flip": no_flip,
    "frequency_shift": shifted}

# ---- autoencoders

VAE = {"block_out_channels": (32, 64), "norm_num_groups": 8, "layers_per_block": 1,
       "down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2,
       "sample_size": 16}
VAES = {
    "vae": VAE,
    "vae_three": VAE | {
        "block_out_channels": (16, 32, 32), "layers_per_block": 2, "use_quant_conv": False,
        "down_block_types": ("DownEncoderBlock2D",) * 3, "latent_channels": 3,
        "up_block_types": ("UpDecoderBlock2D",) * 3, "use_post_quant_conv": False},
    "vae_no_attention": VAE | {"mid_block_add_attention": False, "act_fn": "mish"},
}
TINY = {"encoder_block_out_channels": (8, 8, 8), "decoder_block_out_channels": (8, 8, 8),
        "num_encoder_blocks": (1, 1, 2), "num_decoder_blocks": (2, 1, 1)}


def symmetric_padding(model):
    for block in model.encoder.down_blocks:
        for sampler in block.downsamplers or []:
            sampler.padding, sampler.conv.padding = 1, (1, 1)
    return nothing


VAE_MUTANTS = {"vae_epsilon": epsilon(torch.nn.GroupNorm, ("norm",), 1e-5),
               "symmetric_padding": symmetric_padding}


def autoencode(model, picture):
    model = model.double()
    with torch.no_grad():
        posterior = model.encode(picture.double()).latent_dist
        return (torch.cat([posterior.mean, posterior.logvar], 1).float(),
                model.decode(posterior.mean).sample.float())


def autoencoders(document, tensors):
    for index, (name, options) in enumerate(VAES.items()):
        model = AutoencoderKL(**options).eval()
        generator = fill(model, 400 + index)
        picture = torch.rand(1, 3, 24, 32, generator=generator) * 2 - 1
        moments, decoded = autoencode(model, picture)
        print(f"{name:20} std {moments.std():.3f} {decoded.std():.3f}")
        document.append(case(name, 400 + index, model))
        tensors |= {f"{name}.picture": picture, f"{name}.moments": moments,
                    f"{name}.decoded": decoded}
        if name != "vae":
            continue
        model.enable_tiling()
        tiled, tiles = autoencode(model, picture)
        tensors |= {f"{name}.tiled_moments": tiled, f"{name}.tiled": tiles}
        for mutant, change in VAE_MUTANTS.items():
            broken = AutoencoderKL(**options).eval()
            fill(broken, 400 + index)
            change(broken)
            moved = autoencode(broken, picture)
            print(f"  {mutant:20} moves it by {(moved[0] - moments).abs().max():.1e}"
                  f" and {(moved[1] - decoded).abs().max():.1e}")
            tensors |= {f"{name}.mutant.{mutant}": moved[1]}
    model = AutoencoderTiny(**TINY).eval()
    generator = fill(model, 450)
    picture = torch.rand(1, 3, 16, 24, generator=generator) * 2 - 1
    model = model.double()
    with torch.no_grad():
        latents = model.encode(picture.double()).latents
        decoded = model.decode(latents).sample
    document.append(case("tiny", 450, model))
    tensors |= {"tiny.picture": picture, "tiny.moments": latents.float(),
                "tiny.decoded": decoded.float()}


# ---- text encoders

TEXT = {"vocab_size": 100, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3,
        "num_attention_heads": 4, "max_position_embeddings": 12, "projection_dim": 24,
        "bos_token_id": 98, "eos_token_id": 99, "pad_token_id": 99}
TEXTS = {
    "text": TEXT,
    "text_gelu": TEXT | {"hidden_act": "gelu", "eos_token_id": 50, "pad_token_id": 0},
    "text_old": TEXT | {"eos_token_id": 2},
}


def read(model, ids):
    with torch.no_grad():
        return model(ids, output_hidden_states=True)


def texts(document, tensors):
    ids = torch.tensor([[98, 3, 14, 15, 50, 92, 99, 99, 99, 99, 99, 99],
                        [98, 99, 50, 0, 0, 0, 0, 0, 0, 0, 0, 0]])
    tensors["ids"] = ids
    for index, (name, options) in enumerate(TEXTS.items()):
        model = CLIPTextModelWithProjection(CLIPTextConfig(**options)).eval()
        fill(model, 500 + index)
        model = model.double()
        output = read(model, ids)
        print(f"{name:20} std {output.text_embeds.std():.3f}")
        document.append({"name": name, "seed": 500 + index, "config": model.config.to_dict(),
                         "parameters": {key: list(value.shape)
                                        for key, value in sorted(model.state_dict().items())}})
        tensors |= {f"{name}.states.{i}": state.float()
                    for i, state in enumerate(output.hidden_states)}
        tensors |= {f"{name}.last": output.last_hidden_state.float(),
                    f"{name}.projected": output.text_embeds.float()}


def main():
    cases, tensors = {"unets": [], "autoencoders": [], "texts": []}, {}
    unets(cases["unets"], tensors)
    autoencoders(cases["autoencoders"], tensors)
    texts(cases["texts"], tensors)
    tensors = {name: value.contiguous() for name, value in tensors.items()}
    golden.write("stable_diffusion", {"weights_rule": RULE} | cases, tensors)


if __name__ == "__main__":
    main()
