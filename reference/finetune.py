"""Goldens of `sfumato finetune --no-shuffle --no-flip`: losses, learning rates and weights of runs.

torch 2.13.0 (CPU), diffusers 0.40.0.dev0, commit 58eb52c0803ea9af3abec60841c2a093bdf1f951.
Run: PYTHONPATH=<diffusers>/src python reference/finetune.py

Writes two tiny pipelines, one in the old layout of the Hub, with a pickled .bin and attention
weights under their old names, and the results of training them with the loop of diffusers' scripts. The
pictures are those of PICTURES, in this order in every epoch; 7 epochs of 3 micro-batches (4, 4 and 2
pictures), so that windows of 2 do not divide an epoch.
"""

import shutil

import torch
import torch.nn.functional as F
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel
from diffusers.optimization import get_scheduler
from diffusers.training_utils import EMAModel, compute_snr

import golden

COUNT, SIDE, BATCH, EPOCHS = 10, 8, 4, 7
PICTURES = (f"picture i of {COUNT}, {SIDE} x {SIDE}: channel c at (x, y) is "
            "(37 i + 11 c + 5 x + 3 x y + i y) mod 256")
UNET = {
    "sample_size": SIDE, "block_out_channels": (8, 8), "layers_per_block": 1, "norm_num_groups": 4,
    "attention_head_dim": 4, "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
}
SCHEDULERS = {"epsilon": {}, "velocity": {"prediction_type": "v_prediction", "beta_schedule": "scaled_linear"}}
STORED = ("conv_in.weight", "mid_block.attentions.0.to_q.weight", "up_blocks.1.resnets.0.norm2.weight",
          "conv_out.weight", "conv_out.bias")
DEFAULTS = {
    "optimizer": "adamw", "learning_rate": 1e-5, "gradient_accumulation_steps": 2, "weight_decay": 0.01,
    "max_grad_norm": 1.0, "lr_scheduler": "constant", "lr_warmup_steps": 0, "loss_weighting": "none",
    "adam_beta1": 0.9, "ema_decay": None, "seed": 0,
}
CASES = {
    "defaults": ("epsilon", {}),
    "warmup_ema": ("epsilon", {"learning_rate": 1e-3, "lr_scheduler": "constant_with_warmup",
                               "lr_warmup_steps": 4, "ema_decay": 0.9, "seed": 1}),
    "linear_adam": ("velocity", {"optimizer": "adam", "learning_rate": 1e-3, "weight_decay": 0.05,
                                 "lr_scheduler": "linear", "lr_warmup_steps": 3, "max_grad_norm": 0.0,
                                 "seed": 2}),
    "cosine_min_snr": ("velocity", {"learning_rate": 1e-3, "lr_scheduler": "cosine", "loss_weighting": "min_snr",
                                    "gradient_accumulation_steps": 3, "adam_beta1": 0.95, "seed": 3}),
    "restarts": ("epsilon", {"learning_rate": 1e-3, "lr_scheduler": "cosine_with_restarts", "lr_warmup_steps": 2,
                             "loss_weighting": "min_snr", "gradient_accumulation_steps": 1,
                             "max_grad_norm": 0.2, "seed": 4}),
    "polynomial_ema": ("velocity", {"learning_rate": 1e-3, "lr_scheduler": "polynomial", "weight_decay": 0.3,
                                    "ema_decay": 0.9999, "seed": 5}),
}


def pictures():
    """Pictures after ToTensor and Normalize(0.5, 0.5): (COUNT, 3, SIDE, SIDE)."""
    i, c = torch.arange(COUNT).view(-1, 1, 1, 1), torch.arange(3).view(-1, 1, 1)
    y, x = torch.arange(SIDE).view(-1, 1), torch.arange(SIDE)
    return ((37 * i + 11 * c + 5 * x + 3 * x * y + i * y) % 256 / 255 - 0.5) / 0.5


def save_models():
    folder = golden.GOLDEN / "finetune"
    shutil.rmtree(folder, ignore_errors=True)
    for seed, (name, options) in enumerate(SCHEDULERS.items()):
        unet = UNet2DModel(**UNET)
        golden.fill(unet, seed)
        pipeline = DDPMPipeline(unet, DDPMScheduler(**options))
        pipeline.save_pretrained(folder / name, safe_serialization=name == "epsilon")
    weights = folder / "velocity/unet/diffusion_pytorch_model.bin"
    torch.save({old_name(key): value for key, value in torch.load(weights).items()}, weights)
    return folder


def old_name(key):
    for new, old in ((".to_q.", ".query."), (".to_k.", ".key."), (".to_v.", ".value."), (".to_out.0.", ".proj_attn.")):
        key = key.replace(new, old)
    return key


def loss_of(unet, schedule, clean, weighting, generator):
    noise = torch.randn(clean.shape, generator=generator)
    t = torch.randint(0, len(schedule.betas), (len(clean),), generator=generator)
    output = unet(schedule.add_noise(clean, noise, t), t).sample
    velocity = schedule.config.prediction_type == "v_prediction"
    target = schedule.get_velocity(clean, noise, t) if velocity else noise
    if weighting == "none":
        return F.mse_loss(output, target)
    snr = compute_snr(schedule, t)
    weights = snr.clamp(max=5.0) / (snr + 1 if velocity else snr)
    return (F.mse_loss(output, target, reduction="none").mean(dim=(1, 2, 3)) * weights).mean()


def train(folder, name, model, options, tensors):
    options = DEFAULTS | options
    pipeline = DDPMPipeline.from_pretrained(folder / model, use_safetensors=None)
    unet, schedule = pipeline.unet.train(), pipeline.scheduler
    parameters = list(unet.parameters())
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[options["optimizer"]]
    optimizer = kind(parameters, lr=options["learning_rate"], betas=(options["adam_beta1"], 0.999),
                     weight_decay=options["weight_decay"])
    batches = pictures().split(BATCH)
    size = options["gradient_accumulation_steps"]
    windows = [batches[i:i + size] for i in range(0, len(batches), size)] * EPOCHS
    rate = get_scheduler(options["lr_scheduler"], optimizer, num_warmup_steps=options["lr_warmup_steps"],
                         num_training_steps=len(windows))
    ema = EMAModel(parameters, decay=options["ema_decay"], use_ema_warmup=True, inv_gamma=1.0,
                   power=0.75) if options["ema_decay"] else None
    generator = torch.Generator().manual_seed(options["seed"])
    record = {"losses": [], "learning_rates": [], "grad_norms": []}
    for window in windows:
        losses = [loss_of(unet, schedule, clean, options["loss_weighting"], generator) for clean in window]
        (sum(losses) / len(losses)).backward()
        limit = options["max_grad_norm"] or float("inf")
        record["grad_norms"].append(torch.nn.utils.clip_grad_norm_(parameters, limit).item())
        record["losses"].append(sum(loss.item() for loss in losses) / len(losses))
        record["learning_rates"].append(rate.get_last_lr()[0])
        optimizer.step()
        rate.step()
        optimizer.zero_grad()
        if ema:
            ema.step(parameters)
    for (key, raw), averaged in zip(unet.named_parameters(), ema.shadow_params if ema else parameters):
        if key in STORED:
            tensors[f"{name}.raw.{key}"] = raw.detach().clone()
            tensors[f"{name}.saved.{key}"] = averaged.detach().clone()
    print(f"{name:16} losses {record['losses'][0]:.4f} .. {record['losses'][-1]:.4f}")
    return {"name": name, "model": model, "call": call_of(options), **record}


def call_of(options):
    """The options in the command line's form."""
    words = [f"--{key.replace('_', '-')} {value}" for key, value in options.items() if value is not None]
    return " ".join(words + (["--use-ema"] if options["ema_decay"] else []))


def main():
    folder, tensors = save_models(), {}
    cases = [train(folder, name, model, options, tensors) for name, (model, options) in CASES.items()]
    golden.write("finetune", {"weights_rule": golden.WEIGHTS_RULE, "pictures": PICTURES, "epochs": EPOCHS,
                              "batch": BATCH, "cases": cases}, tensors)


main()
