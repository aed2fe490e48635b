"""Losses, rates and weights of Prodigy and Adafactor: golden/optimizers.json, of the training module.

torch 2.13.0 (CPU), prodigyopt 1.1.2 (commit 3efb213 of konstmish/prodigy), transformers 5.18, diffusers 0.40.0.dev0.
Run: PYTHONPATH=<diffusers>/src:<prodigy> python reference/optimizers.py

Prodigy has the settings that diffusers' train_dreambooth_lora_sdxl.py gives it by default. The network is
linear, with the weights and pictures described by "rules"; its loss is the mean squared error. A rate of Prodigy is d
times the learning rate, before the step. In float64 the losses differ by less than 5e-6 of themselves.
"""

import golden
import torch
from diffusers.optimization import get_scheduler
from prodigyopt import Prodigy
from transformers.optimization import Adafactor

PICTURES, PIXELS, OUTPUTS, STEPS = 30, 16, 5, 150
RULES = ("pixel j of picture i is the byte (37 i + 101 j + 13 i j) % 256, scaled to [-1, 1]; output k of picture i should be "
         "sin(3 i + 2 k); weight[k, j] starts at cos(k + 5 j) / 1000 and bias[k] at 0; every step sees all pictures")
CASES = {
    "prodigy": {"optimizer": "prodigy", "learning_rate": 1.0, "weight_decay": 0.01, "betas": [0.9, 0.999], "max_grad_norm": 0.0,
                "lr_scheduler": "constant"},
    "prodigy_clipped": {"optimizer": "prodigy", "learning_rate": 2.0, "weight_decay": 0.1, "betas": [0.8, 0.99], "max_grad_norm": 0.5,
                "lr_scheduler": "cosine"},
    "prodigy_warmed_up": {"optimizer": "prodigy", "learning_rate": 1.0, "weight_decay": 0.01, "betas": [0.9, 0.999], "max_grad_norm": 0.0,
                "lr_scheduler": "constant_with_warmup", "warmup": 20},
    "adafactor": {"optimizer": "adafactor", "learning_rate": 1e-2, "weight_decay": 0.1, "betas": [0.9, 0.999],
                  "max_grad_norm": 0.0, "lr_scheduler": "cosine"},
}


def optimizer_of(parameters, options):
    if options["optimizer"] == "adafactor":
        return Adafactor(parameters, lr=options["learning_rate"], weight_decay=options["weight_decay"],
                         scale_parameter=False, relative_step=False)
    return Prodigy(parameters, lr=options["learning_rate"], betas=options["betas"],
                   weight_decay=options["weight_decay"], use_bias_correction=True, safeguard_warmup=True)


def train(options, dtype):
    i, j, k = torch.arange(PICTURES)[:, None], torch.arange(PIXELS), torch.arange(OUTPUTS)
    pictures = (((37 * i + 101 * j + 13 * i * j) % 256) / 255 - 0.5) / 0.5
    wanted = torch.sin((3 * i + 2 * k).to(torch.float64)).to(dtype)
    model = torch.nn.Linear(PIXELS, OUTPUTS).to(dtype)
    with torch.no_grad():
        model.weight.copy_(torch.cos((k[:, None] + 5 * j).to(torch.float64)) / 1000)
        model.bias.zero_()
    optimizer = optimizer_of(model.parameters(), options)
    rate = get_scheduler(options["lr_scheduler"], optimizer, num_training_steps=STEPS, num_warmup_steps=options.get("warmup", 0))
    losses, rates = [], []
    for _ in range(STEPS):
        loss = (model(pictures.to(dtype)) - wanted).square().mean()
        loss.backward()
        if options["max_grad_norm"]:
            torch.nn.utils.clip_grad_norm_(model.parameters(), options["max_grad_norm"])
        losses.append(loss.item())
        rates.append(optimizer.param_groups[0].get("d", 1.0) * rate.get_last_lr()[0])
        optimizer.step()
        rate.step()
        optimizer.zero_grad()
    return losses, rates, model.weight.detach()


def main():
    cases = []
    for name, options in CASES.items():
        losses, rates, weight = train(options, torch.float32)
        exact, exact_rates, exact_weight = train(options, torch.float64)
        print(name, losses[0], losses[-1], "rates", rates[0], max(rates), "against float64:",
              max(abs(a - b) / b for a, b in zip(losses, exact)), max(abs(a - b) / max(b, 1e-30) for a, b in zip(rates, exact_rates)),
              (weight - exact_weight).abs().max().item())
        cases.append({"name": name, "options": options, "losses": losses, "rates": rates,
                      "weight": weight.flatten().tolist()})
    golden.write("optimizers", {"rules": RULES, "pictures": PICTURES, "pixels": PIXELS, "outputs": OUTPUTS, "steps": STEPS,
                             "cases": cases}, {}, "training")


main()
