"""Tiny model directories saved by diffusers, checkpoints of every kind, and sampled pictures.

torch 2.13.0 (CPU), diffusers 0.40.0.dev0, commit 58eb52c0803ea9af3abec60841c2a093bdf1f951.
Run: PYTHONPATH=<diffusers>/src python reference/tiny_models.py

golden/pipeline/tiny                 DDPMPipeline.save_pretrained, safetensors
golden/pipeline/tiny-bin             the same weights as a .bin
golden/pipeline/tiny-old-attention   the same weights and settings in the form of google/ddpm-*: attention
                                     named query, key, value, proj_attn, and configs of diffusers 0.1.1
golden/pipeline/tiny-channels        class conditioning by an embedding in channels
golden/pipeline/tiny-one-hot         class conditioning by one-hot channels
golden/pipeline/tiny-embedding       num_class_embeds, for guidance: label 10 means no class
golden/pipeline/checkpoints          legacy.bin: tiny-channels' weights in the format before zip;
                                     kinds.bin: many kinds of tensors (as kinds.safetensors), and
                                     nested.bin: the same under "state_dict"; malicious*.bin: would
                                     create a file if their pickle were executed
golden/pipeline/images               pictures that diffusers samples from the directories
"""

import json
import os
import shutil
from collections import OrderedDict

import torch
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel
from safetensors.torch import load_file, save_file

import golden
import pipeline

HOME = golden.GOLDEN / "pipeline"
UNET = {
    "sample_size": 16, "block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4,
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"), "attention_head_dim": None,
}
OLD_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
OLD_UNET_KEYS = (
    "_class_name", "_diffusers_version", "act_fn", "attention_head_dim", "block_out_channels",
    "center_input_sample", "down_block_types", "downsample_padding", "flip_sin_to_cos", "freq_shift",
    "in_channels", "layers_per_block", "mid_block_scale_factor", "norm_eps", "norm_num_groups",
    "out_channels", "sample_size", "time_embedding_type", "up_block_types")
OLD_SCHEDULER_KEYS = (
    "_class_name", "_diffusers_version", "beta_end", "beta_schedule", "beta_start", "clip_sample",
    "num_train_timesteps", "trained_betas", "variance_type")
SAMPLES = {
    "ddpm": ("tiny", {"scheduler": "ddpm", "steps": 10, "seed": 0, "count": 4}),
    "ddim": ("tiny", {"scheduler": "ddim", "steps": 10, "seed": 0, "count": 4}),
    "ddim_eta": ("tiny", {"scheduler": "ddim", "steps": 7, "eta": 0.7, "seed": 3, "count": 3}),
    "channels": ("tiny-channels", {"scheduler": "ddpm", "steps": 10, "seed": 1, "count": 5,
                                   "labels": [3, 8]}),
    "one_hot": ("tiny-one-hot", {"scheduler": "ddim", "steps": 10, "seed": 1, "count": 5,
                                 "labels": [3, 8]}),
    "embedding": ("tiny-embedding", {"scheduler": "ddim", "steps": 10, "seed": 2, "count": 3,
                                     "labels": [0, 4, 9]}),
    "embedding_guided": ("tiny-embedding", {"scheduler": "ddpm", "steps": 10, "seed": 2, "count": 3,
                                            "labels": [0, 4, 9], "guidance_scale": 2.5}),
}


def save(name, seed, safe=True, **options):
    """Saves a pipeline and returns the generator that drew its weights."""
    unet = UNet2DModel(**(UNET | options))
    generator = golden.fill(unet, seed)
    directory = HOME / name
    shutil.rmtree(directory, ignore_errors=True)
    DDPMPipeline(unet, DDPMScheduler()).save_pretrained(directory, safe_serialization=safe)
    for file in directory.rglob("*.*"):
        file.chmod(0o644)
    return generator


def save_old():
    """The weights of `tiny` under the names, and with the settings, of diffusers 0.1.1."""
    directory = HOME / "tiny-old-attention"
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(HOME / "tiny", directory)
    file = directory / "unet/diffusion_pytorch_model.safetensors"
    weights = {}
    for name, tensor in load_file(file).items():
        for new, old in OLD_NAMES.items():
            name = name.replace(f".{new}.", f".{old}.")
        weights[name] = tensor
    file.unlink()
    torch.save(weights, file.with_suffix(".bin"))
    keep(directory / "unet/config.json", OLD_UNET_KEYS)
    keep(directory / "scheduler/scheduler_config.json", OLD_SCHEDULER_KEYS)


def keep(file, keys):
    config = json.loads(file.read_text())
    config["_diffusers_version"] = "0.1.1"
    file.write_text(json.dumps({key: config[key] for key in keys}, indent=2) + "\n")


def save_conditioning(name, config, weights=None):
    directory = HOME / name / "class_conditioning"
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    if weights is not None:
        save_file({"class_emb.weight": weights}, directory / "model.safetensors")
        (directory / "model.safetensors").chmod(0o644)


class Malicious:
    """Unpickled, it runs a command; a reader that only makes tensors never does."""

    def __reduce__(self):
        return os.system, ("touch sfumato-executed-a-pickle",)


def save_checkpoints():
    directory = HOME / "checkpoints"
    directory.mkdir(exist_ok=True)
    weights = load_file(HOME / "tiny-channels/unet/diffusion_pytorch_model.safetensors")
    torch.save(weights, directory / "legacy.bin", _use_new_zipfile_serialization=False)
    tensors = {"weight": torch.arange(6, dtype=torch.float32).reshape(2, 3)}
    bad = tensors | {"bias": Malicious()}
    torch.save(bad, directory / "malicious.bin")
    torch.save(bad, directory / "malicious-legacy.bin", _use_new_zipfile_serialization=False)
    base = torch.arange(24, dtype=torch.float32) / 8
    kinds = OrderedDict(
        float32=base.reshape(2, 3, 4).clone(), float64=base[:5].double(), float16=base[:7].half(),
        bfloat16=base[:7].bfloat16(), int64=torch.arange(-3, 3), int32=torch.arange(4).int(),
        uint8=torch.arange(250, 256).to(torch.uint8), bool=torch.tensor([True, False, True]),
        scalar=torch.tensor(2.5), empty=torch.zeros(0, 3), transposed=base.reshape(4, 6).t(),
        slice=base[5:11], shared=base, parameter=torch.nn.Parameter(base[:4].clone()))
    torch.save(kinds, directory / "kinds.bin")
    torch.save({"epoch": 3, "state_dict": kinds}, directory / "nested.bin")
    save_file({key: value.detach().contiguous().clone() for key, value in kinds.items()},
              directory / "kinds.safetensors")
    (directory / "kinds.safetensors").chmod(0o644)


def sample_all():
    cases, tensors = [], {}
    for name, (directory, options) in SAMPLES.items():
        images = pipeline.sample(pipeline.Model(HOME / directory), **options)
        tensors[name] = images
        cases.append({"name": name, "model": directory, "options": options})
        print(f"{name:20} std {images.std():.3f} saturated {(images.abs() >= 1).float().mean():.3f}")
        if directory == "tiny":
            for same in ("tiny-bin", "tiny-old-attention"):
                again = pipeline.sample(pipeline.Model(HOME / same), **options)
                assert torch.equal(images, again), f"{same} samples other pictures"
    golden.write("pipeline/images", {"cases": cases}, tensors)


def check_pipeline():
    """Checks that this sampling loop gives the same as diffusers' own pipeline."""
    own = DDPMPipeline.from_pretrained(HOME / "tiny")
    own.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(0)
    images = own(batch_size=4, generator=generator, num_inference_steps=10, output_type="np").images
    ours = pipeline.sample(pipeline.Model(HOME / "tiny"), steps=10, count=4)
    ours = (ours / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1)
    assert torch.equal(torch.from_numpy(images), ours)


def main():
    save("tiny", 11)
    save("tiny-bin", 11, safe=False)
    save_old()
    generator = save("tiny-channels", 12, in_channels=3 + 4, block_out_channels=(8, 8))
    save_conditioning("tiny-channels", {"type": "channels", "num_classes": 10, "embedding_size": 4},
                      torch.randn(10, 4, generator=generator))
    save("tiny-one-hot", 13, in_channels=3 + 10, block_out_channels=(8, 8))
    save_conditioning("tiny-one-hot", {"type": "one_hot", "num_classes": 10})
    save("tiny-embedding", 14, num_class_embeds=11, block_out_channels=(8, 8))
    save_checkpoints()
    check_pipeline()
    sample_all()


main()
