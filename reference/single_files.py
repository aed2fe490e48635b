"""Whole models in one file, as diffusers' own scripts write them: golden/single_files.json.

The tests build the same models from a seed and write them as one file: names, shapes and bytes of
all weights must be those of scripts/convert_diffusers_to_original_stable_diffusion.py and
convert_diffusers_to_original_sdxl.py, of which the golden file holds the hash. The models have the
settings that a file without configuration stands for: 8 heads in Stable Diffusion 1, heads of 64
elsewhere, 32 groups. DIFFUSERS=<checkout of diffusers> names the scripts' place.
"""

import hashlib
import os
import runpy
import sys
import tempfile
from pathlib import Path

import golden
import torch
from diffusers import (
    DDIMScheduler, EulerDiscreteScheduler, PNDMScheduler, StableDiffusionPipeline,
    StableDiffusionXLPipeline)
from safetensors.torch import load_file, save_file
from stable_diffusion import RULE
from stable_diffusion_pipelines import NOISE, TEXT, TOKENS, family
from transformers import CLIPTextModel, CLIPTextModelWithProjection

SCRIPTS = Path(os.environ["DIFFUSERS"]) / "scripts"
END = "<|endoftext|>"
LEADING = NOISE | {"timestep_spacing": "leading"}
UNET = {
    "sample_size": 64, "block_out_channels": (32, 32, 64, 64), "layers_per_block": 2,
    "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    "attention_head_dim": 8, "cross_attention_dim": 64}
TWO = UNET | {"sample_size": 96, "attention_head_dim": (1, 1, 1, 1), "use_linear_projection": True}
XL = UNET | {
    "sample_size": 128, "block_out_channels": (32, 32, 64),
    "down_block_types": ("DownBlock2D",) + ("CrossAttnDownBlock2D",) * 2,
    "up_block_types": ("CrossAttnUpBlock2D",) * 2 + ("UpBlock2D",),
    "transformer_layers_per_block": (1, 2, 3), "attention_head_dim": (1, 1, 1),
    "use_linear_projection": True, "cross_attention_dim": 192, "addition_embed_type": "text_time",
    "addition_time_embed_dim": 16, "projection_class_embeddings_input_dim": 48 + 6 * 16}
VAE = {"block_out_channels": (32, 32, 32, 32), "layers_per_block": 2, "sample_size": 512,
       "down_block_types": ("DownEncoderBlock2D",) * 4,
       "up_block_types": ("UpDecoderBlock2D",) * 4, "force_upcast": False}
FIRST = TEXT | {"hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 1,
                "max_position_embeddings": 77, "projection_dim": 64, "eos_token_id": 2}
OPEN = FIRST | {"hidden_act": "gelu", "pad_token_id": 0}


def families():
    plain = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    pndm = PNDMScheduler(**LEADING, skip_prk_steps=True, set_alpha_to_one=False)
    ddim = DDIMScheduler(**LEADING, prediction_type="v_prediction", clip_sample=False,
                         set_alpha_to_one=False)
    return {
        "one": family(StableDiffusionPipeline, UNET, pndm, VAE, [(CLIPTextModel, FIRST)], [END],
                      700, **plain),
        "two": family(StableDiffusionPipeline, TWO, ddim, VAE | {"sample_size": 768},
                      [(CLIPTextModel, OPEN | {"num_hidden_layers": 23})], ["!"], 710, **plain),
        "xl": family(StableDiffusionXLPipeline, XL, EulerDiscreteScheduler(**LEADING),
                     VAE | {"scaling_factor": 0.13025, "force_upcast": True, "sample_size": 1024},
                     [(CLIPTextModel, FIRST),
                      (CLIPTextModelWithProjection,
                       OPEN | {"num_hidden_layers": 10, "projection_dim": 48, "hidden_size": 128,
                               "num_attention_heads": 2})], [END, "!"], 720),
    }


def long(families):
    """The tokenizers of whole models read as many tokens as their text encoders."""
    for document, _ in families.values():
        for part in ("tokenizer", "tokenizer_2"):
            if part in document:
                document[part]["model_max_length"] = FIRST["max_position_embeddings"]
    return families


def write(pipe, folder):
    """What transformers 5.6 writes lacks the text_model. that the scripts expect."""
    pipe.save_pretrained(folder)
    for part in ("text_encoder", "text_encoder_2"):
        file = folder / part / "model.safetensors"
        if file.exists():
            weights = load_file(file)
            named = {name if name.startswith(("text_model.", "text_projection."))
                     else "text_model." + name: value for name, value in weights.items()}
            save_file(named, file, {"format": "pt"})


def convert(folder, file, xl):
    script = f"convert_diffusers_to_original_{'sdxl' if xl else 'stable_diffusion'}.py"
    sys.argv = [script, "--model_path", str(folder), "--checkpoint_path", str(file),
                "--use_safetensors"]
    runpy.run_path(str(SCRIPTS / script), run_name="__main__")


def digest(weights):
    """SHA-256 of, for each weight by name, its name, shape and bytes."""
    whole = hashlib.sha256()
    for name in sorted(weights):
        whole.update(f"{name} {list(weights[name].shape)}\n".encode())
        whole.update(weights[name].contiguous().numpy().tobytes())
    return whole.hexdigest()


def compare(pipe, file, folder):
    """Reads the file with diffusers itself: all weights must be those of the directory.

    It tells the text encoders of XL apart by their widths, so these differ.
    """
    read = type(pipe).from_single_file(file, config=str(folder))
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        ours, theirs = getattr(pipe, part, None), getattr(read, part, None)
        if ours is not None:
            for name, value in ours.state_dict().items():
                assert torch.equal(theirs.state_dict()[name], value), (part, name)


def main():
    document = []
    for name, (part, pipe) in long(families()).items():
        with tempfile.TemporaryDirectory() as temporary:
            folder, file = Path(temporary) / "model", Path(temporary) / "model.safetensors"
            write(pipe, folder)
            convert(folder, file, "text_encoder_2" in part)
            weights = load_file(file)
            compare(pipe, file, folder)
            document.append({"name": name, "tensors": len(weights), "sha256": digest(weights)}
                            | part)
            print(name, len(weights), sum(v.numel() for v in weights.values()))
    text = golden.lines({"versions": golden.VERSIONS, "weights_rule": RULE, "families": document})
    (golden.GOLDEN / "single_files.json").write_text(text)


if __name__ == "__main__":
    main()
