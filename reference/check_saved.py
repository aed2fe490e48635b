"""Checks that diffusers loads what Sfumato saved and computes the same with it.

torch 2.13.0 (CPU), diffusers 0.40.0.dev0, commit 58eb52c0803ea9af3abec60841c2a093bdf1f951.

    ./sfumato sample --model DIR --count 4 --steps 10 --scheduler ddpm --save-tensor images.safetensors
    PYTHONPATH=<diffusers>/src python reference/check_saved.py DIR images.safetensors [--scheduler NAME]
        [--steps N] [--seed N] [--class LABELS]

The options are those of the first command. The script fails if a weight is missing, unexpected
or misshaped, if the configuration changes when diffusers saves it again, or if pictures differ by more
than 1e-3 or, as 8-bit pixels, by more than one level in more than one place in 1,000.
"""

import argparse
import json
import tempfile
from pathlib import Path

import torch
from diffusers import DDPMPipeline, UNet2DModel
from safetensors.torch import load_file

import pipeline


def check_weights(directory):
    """Every weight is used, none is missing, and diffusers would write the same file."""
    unet, info = UNet2DModel.from_pretrained(directory / "unet", output_loading_info=True)
    problems = {key: value for key, value in info.items() if value}
    if problems:
        raise SystemExit(f"diffusers finds {problems}")
    with tempfile.TemporaryDirectory() as again:
        unet.save_pretrained(again)
        name = "diffusion_pytorch_model.safetensors"
        ours, theirs = (load_file(Path(home) / name) for home in (directory / "unet", again))
        if ours.keys() != theirs.keys() or not all(torch.equal(ours[key], theirs[key]) for key in ours):
            raise SystemExit("diffusers writes other weights")
        ours, theirs = (json.loads((Path(home) / "config.json").read_text())
                        for home in (directory / "unet", again))
        changed = {key: (ours.get(key), value) for key, value in theirs.items()
                   if ours.get(key) != value and not key.startswith("_")}
        if changed:
            raise SystemExit(f"diffusers writes another configuration: {changed}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("images")
    parser.add_argument("--scheduler", choices=pipeline.SCHEDULERS, default="ddpm")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--class", dest="labels", type=lambda text: [int(x) for x in text.split(",")])
    options = parser.parse_args()
    check_weights(options.directory)
    print(f"{type(DDPMPipeline.from_pretrained(options.directory)).__name__} loads {options.directory}")
    images = load_file(options.images)["images"]
    expected = pipeline.sample(pipeline.Model(options.directory), options.scheduler, options.steps,
                               seed=options.seed, count=len(images), labels=options.labels)
    difference = (images - expected).abs().max().item()
    levels = [((x / 2 + 0.5).clamp(0, 1) * 255).round() for x in (images, expected)]
    share = ((levels[0] - levels[1]).abs() > 1).float().mean().item()
    print(f"largest difference {difference:.2e}, share of pixels off by more than one level {share:.2e}")
    if difference > 1e-3 or share > 1e-3:
        raise SystemExit("the pictures differ")


main()
