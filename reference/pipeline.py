"""Samples a saved model with diffusers as `sfumato sample` does, and compares two such tensors.

torch 2.13.0 (CPU), diffusers 0.40.0.dev0, commit 58eb52c0803ea9af3abec60841c2a093bdf1f951.
Run: PYTHONPATH=<diffusers>/src python reference/pipeline.py --model DIR --save-tensor FILE [options]
     PYTHONPATH=<diffusers>/src python reference/pipeline.py --compare A.safetensors B.safetensors

One CPU generator seeded with --seed draws the start noise of all pictures in one call, and then the
scheduler's noise step by step. The tensor `images` (N, C, H, W) is the result of the last step.
"""

import argparse
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler, DDPMScheduler, UNet2DModel
from safetensors.torch import load_file, save_file

SCHEDULERS = {"ddpm": DDPMScheduler, "ddim": DDIMScheduler}


class Model:
    """A model directory: U-Net, scheduler settings and, if present, class conditioning."""

    def __init__(self, directory):
        directory = Path(directory)
        unet = directory / "unet" if (directory / "unet").is_dir() else directory
        self.unet = UNet2DModel.from_pretrained(unet).eval()
        settings = directory / "scheduler/scheduler_config.json"
        self.scheduler_config = json.loads(settings.read_text()) if settings.exists() else {}
        conditioning = directory / "class_conditioning/config.json"
        self.conditioning = json.loads(conditioning.read_text()) if conditioning.exists() else None
        if self.conditioning and self.conditioning["type"] == "embedding":
            self.conditioning = None  # the U-Net's own embedding; nothing is added as channels
        if self.conditioning and self.conditioning["type"] == "channels":
            self.class_emb = load_file(directory / "class_conditioning/model.safetensors")["class_emb.weight"]

    def sample_shape(self):
        size = self.unet.config.sample_size
        height, width = (size, size) if isinstance(size, int) else size
        return self.unet.config.in_channels - self.class_channels(), height, width

    def class_channels(self):
        if self.conditioning is None:
            return 0
        return self.conditioning["num_classes" if self.conditioning["type"] == "one_hot"
                                 else "embedding_size"]

    def __call__(self, x, t, labels):
        if self.conditioning is None:
            return self.unet(x, t, labels).sample
        if self.conditioning["type"] == "one_hot":
            channels = F.one_hot(labels, self.conditioning["num_classes"]).to(x.dtype)
        else:
            channels = self.class_emb[labels]
        channels = channels[:, :, None, None].expand(-1, -1, *x.shape[2:])
        return self.unet(torch.cat([x, channels], dim=1), t).sample


def guided(model, x, t, labels, scale):
    """Classifier-free guidance; the label that means 'no class' is the last one of the embedding."""
    output = model(x, t, labels)
    if scale == 1:
        return output
    nothing = torch.full_like(labels, model.unet.config.num_class_embeds - 1)
    unconditional = model(x, t, nothing)
    return unconditional + scale * (output - unconditional)


@torch.no_grad()
def sample(model, scheduler="ddpm", steps=50, eta=0.0, seed=0, count=1, labels=None,
           guidance_scale=1.0, batch_size=64):
    scheduler = SCHEDULERS[scheduler].from_config(model.scheduler_config)
    scheduler.set_timesteps(steps)
    extra = {"eta": eta} if isinstance(scheduler, DDIMScheduler) else {}
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, *model.sample_shape(), generator=generator)
    if labels is not None:
        labels = torch.tensor([labels[i % len(labels)] for i in range(count)])
    for t in scheduler.timesteps:
        parts = [slice(i, i + batch_size) for i in range(0, count, batch_size)]
        output = torch.cat([guided(model, x[part], t, None if labels is None else labels[part],
                                   guidance_scale) for part in parts])
        x = scheduler.step(output, t, x, generator=generator, **extra).prev_sample
    return x


def compare(first, second):
    a, b = (load_file(name)["images"] for name in (first, second))
    if a.shape != b.shape:
        raise SystemExit(f"shapes differ: {tuple(a.shape)} and {tuple(b.shape)}")
    levels = [((x / 2 + 0.5).clamp(0, 1) * 255).round() for x in (a, b)]
    share = ((levels[0] - levels[1]).abs() > 1).float().mean().item()
    print(json.dumps({"max_abs_difference": (a - b).abs().max().item(),
                      "share_of_pixels_off_by_more_than_1": share}))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--compare", nargs=2, metavar="FILE")
    parser.add_argument("--model")
    parser.add_argument("--scheduler", choices=SCHEDULERS, default="ddpm")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--eta", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--class", dest="labels", type=lambda text: [int(x) for x in text.split(",")])
    parser.add_argument("--class-guidance-scale", dest="guidance_scale", type=float, default=1.0)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save-tensor")
    options = vars(parser.parse_args())
    files, directory, target = (options.pop(name) for name in ("compare", "model", "save_tensor"))
    torch.set_num_threads(options.pop("threads"))
    if files:
        compare(*files)
    else:
        save_file({"images": sample(Model(directory), **options).contiguous()}, target)


if __name__ == "__main__":
    main()
