"""Outputs of tiny U-Nets under autocast in float16 and bfloat16: golden/half.

torch 2.13.0 (CPU), diffusers 0.40.0.dev0, commit 58eb52c0803ea9af3abec60841c2a093bdf1f951.
Run: PYTHONPATH=<diffusers>/src python reference/half.py

The models, their weights and their inputs are those of golden/unet and golden/stable_diffusion. A card
computes some steps between in float32 that the CPU rounds; its results are as far from float32.
"""

import golden
import stable_diffusion
import torch
import unet
from diffusers import UNet2DConditionModel, UNet2DModel

TEXTS = ("sd1", "sd2", "xl")
PIXELS = ("plain", "mnist_course", "scale_shift")
TYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}


def cases():
    """Pairs of a name and a function that predicts."""
    for name in TEXTS:
        index = list(stable_diffusion.UNETS).index(name)
        model = UNet2DConditionModel(**stable_diffusion.UNETS[name]).eval()
        given = stable_diffusion.inputs(model, stable_diffusion.fill(model, 300 + index))
        added = {"text_embeds": given["vector"], "time_ids": given["sizes"]} if "sizes" in given else None
        yield name, lambda: model(given["sample"], torch.tensor([10, 733]), given["tokens"],
                                  added_cond_kwargs=added).sample
    for name in PIXELS:
        index = list(unet.CASES).index(name)
        model = UNet2DModel(**unet.BASE | unet.CASES[name]).eval()
        generator = golden.fill(model, 100 + index)
        size = model.config.sample_size
        sample = torch.randn(2, model.config.in_channels, size, size, generator=generator)
        yield name, lambda: model(sample, torch.tensor(unet.TIMESTEPS[False])).sample


def main():
    tensors = {}
    with torch.no_grad():
        for name, predict in cases():
            exact = predict()
            for precision, dtype in TYPES.items():
                with torch.autocast("cpu", dtype):
                    rounded = predict().float()
                print(f"{name:14} {precision} off by {((rounded - exact).abs().max() / exact.abs().max()):.1e}")
                tensors[f"{name}.{precision}"] = rounded
    golden.write("half", {"texts": list(TEXTS), "pixels": list(PIXELS)}, tensors)


if __name__ == "__main__":
    main()
