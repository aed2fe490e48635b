"""Writes a text-to-image model whose U-Net has the shape of Stable Diffusion 1.5, with random weights.

torch 2.13.0 (CPU), diffusers 0.40.0.dev0, commit 58eb52c0803ea9af3abec60841c2a093bdf1f951.
Run: PYTHONPATH=<diffusers>/src python bench/text_model.py DIRECTORY
They are in float16, as most published files are. The autoencoder and the text encoder are small: the benchmarks of
training read latents and texts from a cache. The autoencoder of Stable Diffusion's size lies beside them, in `decoder`,
and the text encoder of that size in `reader`. Parts that exist already are left as they are.
"""

import json
import shutil
import sys
from pathlib import Path

FACES = Path(__file__).resolve().parent.parent / "models/faces-sd"


def text_encoder(layers, intermediate):
    from transformers import CLIPTextConfig, CLIPTextModel
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=8514, hidden_size=768, intermediate_size=intermediate, num_hidden_layers=layers,
        num_attention_heads=12, max_position_embeddings=77, bos_token_id=8512, eos_token_id=8513, pad_token_id=8513))


def write(folder):
    import torch
    from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
    torch.manual_seed(0)
    small = {"block_out_channels": (32,) * 4, "layers_per_block": 1}
    parts = {
        "unet": lambda: UNet2DConditionModel(cross_attention_dim=768),
        "vae": lambda: AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, **small),
        "text_encoder": lambda: text_encoder(layers=1, intermediate=768),
        "reader/text_encoder": lambda: text_encoder(layers=12, intermediate=3072),
        "decoder": lambda: AutoencoderKL(
            block_out_channels=(128, 256, 512, 512), layers_per_block=2,
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4),
    }
    for name, make in parts.items():
        if not (folder / name / "config.json").exists():
            make().half().save_pretrained(folder / name)
    DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012).save_pretrained(folder / "scheduler")
    for name in ("tokenizer", "reader/tokenizer"):
        shutil.copytree(FACES / "tokenizer", folder / name, dirs_exist_ok=True)
        tokenizer = folder / name / "tokenizer_config.json"
        tokenizer.write_text(json.dumps(json.loads(tokenizer.read_text()) | {"model_max_length": 77}))
    shutil.copy(FACES / "model_index.json", folder)  # last: it marks a whole model


if __name__ == "__main__":
    write(Path(sys.argv[1]))
