"""Goldens of training: losses, gradient norms, final weights and EMA; learning-rate sequences.

torch 2.13.0 (CPU), transformers 5.18, diffusers 0.40.0.dev0, commit 58eb52c0803ea9af3abec60841c2a093bdf1f951.
Run: PYTHONPATH=<diffusers>/src python reference/training.py

The loop is that of diffusers' training scripts with one CPU generator seeded with `seed`. For each
micro-batch it draws randn(batch shape), then randn(batch, channels, 1, 1) if there is a noise offset,
then randint(0, train timesteps, (batch,)). The data and the first weights are described by "data"
and "weights_rule".
"""

import torch
import torch.nn.functional as F
from diffusers import DDPMScheduler, UNet2DModel
from diffusers.optimization import get_scheduler
from diffusers.training_utils import EMAModel, compute_snr
from transformers.optimization import Adafactor

import golden

IMAGES, BATCH, EPOCHS, CLASSES, EMBEDDING = 26, 4, 3, 10, 4
DATA_SEED = 7
DATA = (f"(torch.randint(0, 256, ({IMAGES}, 3, 8, 8), generator=torch.Generator().manual_seed({DATA_SEED})) "
        f"/ 255 - 0.5) / 0.5, in this order in each of {EPOCHS} epochs, batches of {BATCH} (the last of an epoch is smaller); "
        f"the label of image i is i % {CLASSES}")
CLASS_RULE = ("class_conditioning channels: class_emb.weight (10, 4) is drawn by randn after the U-Net's "
              "weights; it is repeated over the image and concatenated after the image's channels")
UNET = {
    "sample_size": 8, "block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4,
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
}
STORED = ("conv_in.weight", "time_embedding.linear_1.weight", "down_blocks.0.resnets.0.norm1.weight",
          "mid_block.attentions.0.to_q.weight", "conv_out.weight", "conv_out.bias")
DEFAULTS = {
    "optimizer": "adam", "learning_rate": 1e-3, "betas": [0.9, 0.999], "epsilon": 1e-8,
    "weight_decay": 0.0, "max_grad_norm": 0.0, "accumulation": 1, "prediction_type": "epsilon",
    "loss_weighting": "none", "snr_gamma": 5.0, "noise_offset": 0.0, "beta_schedule": "linear",
    "train_timesteps": 1000, "lr_scheduler": "constant", "lr_warmup_steps": 0, "ema": None,
    "class_conditioning": "none",
}
EMA = {"decay": 0.9999, "use_ema_warmup": True, "inv_gamma": 1.0, "power": 0.75}
CASES = {
    "adam": {},
    "adam_weight_decay": {"weight_decay": 0.1, "ema": EMA},
    "adamw_clipped": {"optimizer": "adamw", "weight_decay": 0.1, "max_grad_norm": 1.0,
                      "betas": [0.95, 0.999], "epsilon": 1e-6, "lr_scheduler": "cosine",
                      "lr_warmup_steps": 4,
                      "ema": EMA},
    "accumulation": {"accumulation": 3, "max_grad_norm": 1.0, "lr_scheduler": "linear",
                     "ema": EMA | {"decay": 0.6, "inv_gamma": 2.0, "power": 0.6}},
    "sample_squaredcos": {"prediction_type": "sample", "beta_schedule": "squaredcos_cap_v2",
                          "noise_offset": 0.1},
    "v_prediction_sigmoid": {"prediction_type": "v_prediction", "beta_schedule": "sigmoid",
                             "train_timesteps": 100},
    # As in train_text_to_image.py: without use_ema_warmup the decay is (1 + n) / (10 + n).
    "min_snr": {"loss_weighting": "min_snr", "optimizer": "adamw", "weight_decay": 0.01, "ema": {"decay": 0.5}},
    "min_snr_v_prediction": {"loss_weighting": "min_snr", "prediction_type": "v_prediction",
                             "noise_offset": 0.05, "beta_schedule": "scaled_linear"},
    "class_channels": {"class_conditioning": "channels", "beta_schedule": "squaredcos_cap_v2",
                       "ema": EMA | {"decay": 0.9}},
    "class_embedding": {"class_conditioning": "embedding"},
    # As transformers' Adafactor with scale_parameter=False and relative_step=False.
    "adafactor": {"optimizer": "adafactor", "weight_decay": 0.01, "max_grad_norm": 1.0},
}


class Denoiser(torch.nn.Module):
    """A U-Net and the three ways to condition it on the class."""

    def __init__(self, conditioning, seed):
        super().__init__()
        self.conditioning = conditioning
        extra = EMBEDDING if conditioning == "channels" else 0
        self.unet = UNet2DModel(**UNET, in_channels=3 + extra,
                                num_class_embeds=CLASSES if conditioning == "embedding" else None)
        generator = golden.fill(self.unet, seed)
        if conditioning == "channels":
            self.class_emb = torch.nn.Embedding(CLASSES, EMBEDDING)
            self.class_emb.weight.data = torch.randn(CLASSES, EMBEDDING, generator=generator)

    def forward(self, x, t, labels):
        if self.conditioning == "channels":
            channels = self.class_emb(labels)[:, :, None, None].expand(-1, -1, *x.shape[2:])
            return self.unet(torch.cat([x, channels], dim=1), t).sample
        return self.unet(x, t, labels if self.conditioning == "embedding" else None).sample


def loss_of(model, images, labels, options, schedule, generator):
    noise = torch.randn(images.shape, generator=generator)
    if options["noise_offset"]:
        noise = noise + options["noise_offset"] * torch.randn(*images.shape[:2], 1, 1, generator=generator)
    t = torch.randint(0, options["train_timesteps"], (len(images),), generator=generator)
    output = model(schedule.add_noise(images, noise, t), t, labels)
    target = {"epsilon": noise, "sample": images,
              "v_prediction": schedule.get_velocity(images, noise, t)}[options["prediction_type"]]
    if options["loss_weighting"] == "none":
        return F.mse_loss(output, target)
    snr = compute_snr(schedule, t)
    divisor = {"epsilon": snr, "v_prediction": snr + 1}[options["prediction_type"]]
    weights = snr.clamp(max=options["snr_gamma"]) / divisor
    return (F.mse_loss(output, target, reduction="none").mean(dim=(1, 2, 3)) * weights).mean()


def pictures():
    """8-bit pictures after ToTensor and Normalize(0.5, 0.5)."""
    generator = torch.Generator().manual_seed(DATA_SEED)
    return (torch.randint(0, 256, (IMAGES, 3, 8, 8), generator=generator) / 255 - 0.5) / 0.5


def windows(accumulation):
    """The image indices of the micro-batches of every optimiser step of all epochs."""
    batches = [range(i, min(i + BATCH, IMAGES)) for i in range(0, IMAGES, BATCH)]
    epoch = [batches[i:i + accumulation] for i in range(0, len(batches), accumulation)]
    return epoch * EPOCHS


def train(name, options, seed, tensors):
    options = DEFAULTS | options
    model = Denoiser(options["class_conditioning"], seed).train()
    parameters = list(model.parameters())
    if options["optimizer"] == "adafactor":
        optimizer = Adafactor(parameters, lr=options["learning_rate"], weight_decay=options["weight_decay"],
                              scale_parameter=False, relative_step=False)
    else:
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[options["optimizer"]]
        optimizer = kind(parameters, lr=options["learning_rate"], betas=options["betas"],
                         eps=options["epsilon"], weight_decay=options["weight_decay"])
    plan = windows(options["accumulation"])
    rate = get_scheduler(options["lr_scheduler"], optimizer, num_training_steps=len(plan),
                         num_warmup_steps=options["lr_warmup_steps"])
    ema = EMAModel(parameters, **options["ema"]) if options["ema"] else None
    schedule = DDPMScheduler(num_train_timesteps=options["train_timesteps"],
                             beta_schedule=options["beta_schedule"])
    data = pictures()
    generator = torch.Generator().manual_seed(seed)
    record = {"losses": [], "grad_norms": [], "learning_rates": [], "ema_decays": []}
    for window in plan:
        for batch in window:
            labels = torch.tensor([i % CLASSES for i in batch])
            loss = loss_of(model, data[batch.start:batch.stop], labels, options, schedule, generator)
            (loss / len(window)).backward()
            record["losses"].append(loss.item())
        limit = options["max_grad_norm"] or float("inf")
        record["grad_norms"].append(torch.nn.utils.clip_grad_norm_(parameters, limit).item())
        record["learning_rates"].append(rate.get_last_lr()[0])
        optimizer.step()
        rate.step()
        optimizer.zero_grad()
        if ema:
            ema.step(parameters)
            record["ema_decays"].append(ema.cur_decay_value)
    store(name, model, ema, tensors)
    print(f"{name:24} losses {record['losses'][0]:.4f} .. {record['losses'][-1]:.4f} "
          f"norms {min(record['grad_norms']):.3f} .. {max(record['grad_norms']):.3f}")
    return {"name": name, "seed": seed, "options": options,
            "config": golden.config_of(model.unet), "scheduler": golden.config_of(schedule), **record}


def store(name, model, ema, tensors):
    shadows = ema.shadow_params if ema else [None] * len(list(model.parameters()))
    for (key, parameter), shadow in zip(model.named_parameters(), shadows):
        key = key.removeprefix("unet.")
        if key in STORED or key in ("class_emb.weight", "class_embedding.weight"):
            tensors[f"{name}.final.{key}"] = parameter.detach().clone()
            if shadow is not None:
                tensors[f"{name}.ema.{key}"] = shadow.clone()


def learning_rates():
    """Rates before each step, including three steps past the end."""
    result = []
    grid = [(name, 5, {}) for name in ("constant", "constant_with_warmup", "linear", "cosine",
                                   "cosine_with_restarts", "polynomial")]
    grid += [("linear", 0, {}), ("cosine", 0, {}), ("cosine_with_restarts", 2, {}), ("polynomial", 2, {}),
             ("cosine_with_restarts", 2, {"num_cycles": 3}), ("polynomial", 2, {"power": 2.5}),
             ("piecewise_constant", 0, {"step_rules": "1:4,0.1:10,0.5:15,0.005"})]
    for name, warmup, shape in grid:
        optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
        rate = get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=20, **shape)
        result.append({"name": name, "learning_rate": 1e-3, "warmup_steps": warmup, "steps": 20,
                       "steps_per_epoch": 20, "shape": shape, "values": sequence(optimizer, rate)})
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
    rate = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)  # stepped after each epoch
    result.append({"name": "exponential", "learning_rate": 1e-3, "warmup_steps": 0, "steps": 20,
                   "steps_per_epoch": 6, "shape": {}, "values": sequence(optimizer, rate, steps_per_epoch=6)})
    return result


def sequence(optimizer, rate, steps_per_epoch=1):
    values = []
    for step in range(1, 24):
        values.append(rate.get_last_lr()[0])
        optimizer.step()
        if step % steps_per_epoch == 0:
            rate.step()
    return values


def main():
    tensors = {}
    cases = [train(name, options, 300 + i, tensors) for i, (name, options) in enumerate(CASES.items())]
    golden.write("training", {"weights_rule": golden.WEIGHTS_RULE, "class_rule": CLASS_RULE, "data": DATA,
                              "cases": cases, "learning_rates": learning_rates()}, tensors, module="training")


main()
