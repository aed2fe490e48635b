"""Peak of resident memory of one guided step through U-Net and decoder, over the picture's side.

torch 2.13.0 (CPU), diffusers 0.40.0.dev0, commit 58eb52c0803ea9af3abec60841c2a093bdf1f951.
Run: PYTHONPATH=<diffusers>/src python bench/guide_memory.py [--sides 64,128,256,512]
The interpreter that runs this needs torch and diffusers; Sfumato must be built, `bench` included.

Networks have half the width of Stable Diffusion 1 and its autoencoder, with random weights in float32.
Each number is a process of its own. `again`: with gradient checkpointing; `tiny`: the guide looks through
an AutoencoderTiny of the size of TAESD. The finished picture is not decoded.
"""

import argparse
import os
import resource
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
WAYS = {"unguided": "plain kept vae", "shortcut": "shortcut kept vae",
        "shortcut, again": "shortcut again vae", "exact": "exact kept vae",
        "exact, again": "exact again vae", "exact, tiny": "exact kept tiny",
        "exact, tiny, again": "exact again tiny"}


def guided_step(side, gradient, kept, decoder):
    """The same step in Python: the loop of unit 2 of the course, in latents."""
    import torch
    from diffusers import AutoencoderKL, AutoencoderTiny, DDPMScheduler, UNet2DConditionModel
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        block_out_channels=(160, 320, 640, 640), cross_attention_dim=768).eval()
    vae = AutoencoderKL(
        block_out_channels=(64, 128, 256, 256), layers_per_block=2,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4).eval()
    tiny = AutoencoderTiny().eval()
    for network in (unet, vae, tiny):
        network.requires_grad_(False)
        if kept == "again":
            network.enable_gradient_checkpointing()
    scheduler = DDPMScheduler()
    scheduler.set_timesteps(1)
    t = scheduler.timesteps[0]
    x, tokens = torch.randn(1, 4, side // 8, side // 8), torch.randn(1, 77, 768)
    x = x.requires_grad_(gradient == "exact")
    with torch.set_grad_enabled(gradient == "exact"):
        noise = unet(x, t, encoder_hidden_states=tokens).sample
    if gradient != "plain":
        x = x if gradient == "exact" else x.detach().requires_grad_()
        a = scheduler.alphas_cumprod[t]
        x0 = ((x - (1 - a).sqrt() * noise) / a.sqrt()).clamp(-1, 1)
        pictures = (tiny.decode(x0) if decoder == "tiny" else
                    vae.decode(x0 / vae.config.scaling_factor)).sample
        target = torch.tensor([0, 0.5, 0.5])[None, :, None, None] * 2 - 1
        gradient, = torch.autograd.grad((pictures - target).abs().mean() * 40, x)
        x = x - gradient
    scheduler.step(noise.detach(), t, x.detach())
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def peak(command, **more):
    done = subprocess.run(command, env=dict(os.environ, **more), capture_output=True, text=True)
    return int(done.stdout.split()[-1]) if done.returncode == 0 else done.stderr[-300:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sides", default="64,128,256,512")
    parser.add_argument("--step", nargs=4)
    options = parser.parse_args()
    if options.step:
        guided_step(int(options.step[0]), *options.step[1:])
        return
    sides = options.sides.split(",")
    print("| MB: Sfumato / Python |" + "".join(f" {side} px |" for side in sides))
    print("|---|" + "---|" * len(sides))
    for name, way in WAYS.items():
        print(f"| {name} |", end="", flush=True)
        for side in sides:
            words = [side, *way.split()]
            ours = peak([str(HERE.parent / "sfumato"), *words],
                        SFUMATO_MAIN="dev.sfumato.bench.GuideMemory",
                        SFUMATO_CLASSPATH=str(HERE / "target/classes"))
            theirs = peak([sys.executable, __file__, "--step", *words])
            print(f" {ours} / {theirs} |", end="", flush=True)
        print(flush=True)


main()
