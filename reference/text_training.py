"""Losses of text-to-image training: golden/text_training.json, of the training module.

torch 2.13.0 (CPU), diffusers 0.40.0.dev0, commit 58eb52c0803ea9af3abec60841c2a093bdf1f951.
Run: PYTHONPATH=<diffusers>/src python reference/text_training.py

The loop is that of diffusers' train_text_to_image.py with one CPU generator seeded with `seed`. For each
batch it draws the posterior's noise, the noise, then its offset if there is one, and then the timesteps.
The models are the small ones of stable_diffusion_pipelines.py; captions are dropped nowhere.

With masks the squared errors are multiplied by them before the mean, as in kohya's scripts; a latent has the mean of its
pixels' masks. The mask of image i is 25 * ((7 * row + 3 * column + 5 * i) % 11) / 255; image 4 has none.
"""

import golden
import torch
import torch.nn.functional as F
from diffusers import DDPMScheduler
from diffusers.training_utils import compute_snr
from stable_diffusion_pipelines import families

IMAGES, BATCH, STEPS, SEED = 10, 3, 20, 5
CAPTIONS = [f"a {color} {thing}" for color in ("red", "blue") for thing in ("rose", "cat", "house", "hat", "cup")]
CASES = {
    "epsilon": ("sd1", {"learning_rate": 1e-3}),
    "v_prediction_min_snr": ("sd2", {"learning_rate": 1e-3, "min_snr": True, "noise_offset": 0.1}),
    "masked": ("sd1", {"learning_rate": 1e-3, "min_snr": True, "masks": True}),
}


def pictures():
    generator = torch.Generator().manual_seed(7)
    return (torch.randint(0, 256, (IMAGES, 3, 16, 16), generator=generator) / 255 - 0.5) / 0.5


def masks():
    images, rows, columns = torch.meshgrid(torch.arange(IMAGES), torch.arange(16), torch.arange(16), indexing="ij")
    all = 25 * ((7 * rows + 3 * columns + 5 * images) % 11) / 255
    all[4] = 1
    return all[:, None]


def train(pipe, options):
    vae, unet = pipe.vae.eval(), pipe.unet.train()
    schedule = DDPMScheduler.from_config(pipe.scheduler.config)
    optimizer = torch.optim.AdamW(unet.parameters(), lr=options["learning_rate"], weight_decay=1e-2)
    generator = torch.Generator().manual_seed(SEED)
    ids = pipe.tokenizer(CAPTIONS, padding="max_length", max_length=16, truncation=True, return_tensors="pt").input_ids
    with torch.no_grad():
        texts = pipe.text_encoder(ids)[0]
    images, losses = pictures(), []
    batches = [slice(i, i + BATCH) for i in range(0, IMAGES, BATCH)]
    for step in range(STEPS):
        batch = batches[step % len(batches)]
        with torch.no_grad():
            x = vae.encode(images[batch]).latent_dist.sample(generator) * vae.config.scaling_factor
        noise = torch.randn(x.shape, generator=generator)
        if "noise_offset" in options:
            noise = noise + options["noise_offset"] * torch.randn(*x.shape[:2], 1, 1, generator=generator)
        t = torch.randint(0, 1000, (len(x),), generator=generator)
        output = unet(schedule.add_noise(x, noise, t), t, texts[batch]).sample
        velocity = schedule.config.prediction_type == "v_prediction"
        target = schedule.get_velocity(x, noise, t) if velocity else noise
        if "min_snr" in options:
            snr = compute_snr(schedule, t)
            weights = snr.clamp(max=5) / (snr + 1 if velocity else snr)
            squares = F.mse_loss(output, target, reduction="none")
            if "masks" in options:
                squares = squares * F.interpolate(masks()[batch], size=x.shape[2:], mode="area")
            loss = (squares.mean(dim=(1, 2, 3)) * weights).mean()
        else:
            loss = F.mse_loss(output, target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def main():
    cases = []
    for name, (of, options) in CASES.items():
        losses = train(families()[of][1], options)
        print(name, losses[0], losses[-1])
        cases.append({"name": name, "family": of, "options": options, "losses": losses})
    golden.write("text_training", {
        "seed": SEED, "batch": BATCH, "images": IMAGES, "captions": CAPTIONS, "cases": cases}, {}, "training")


main()
