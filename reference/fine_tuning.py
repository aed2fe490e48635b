"""Losses of fine-tuning text-to-image models: golden/fine_tuning.json, of the training module.

torch 2.13.0 (CPU), diffusers 0.40.0.dev0, commit 58eb52c0803ea9af3abec60841c2a093bdf1f951, peft 0.20.1.dev0.
Run: PYTHONPATH=<diffusers>/src:<peft>/src python reference/fine_tuning.py

One loop for diffusers' train_text_to_image.py, train_text_to_image_lora.py, train_dreambooth.py,
train_dreambooth_lora.py and textual_inversion.py, and for their like of Stable Diffusion XL. One CPU generator
seeded with 5 draws for each batch the posterior's noise, the noise, its perturbation if there is one, and the
timesteps. With prior preservation a batch holds the instances and then as many class pictures.

Inpainting models learn as in diffusers' train_dreambooth_inpaint.py. After the posterior's noise the generator draws
five uniform numbers for each picture's mask and the noise of the posterior of the masked picture. A mask is all of the
picture in a quarter of the cases, else a rectangle or an ellipse. With "masks" a picture has a mask of its own, as in
text_training.py, which says what is drawn anew and weighs the loss; image 4 has none and gets a random one.

"down" of a LoRA is randn / r, from a generator seeded with 9, layer by layer in the order of their names.
The models are the small ones of stable_diffusion_pipelines.py.

"half" are losses under autocast in float16 with a GradScaler. A CPU rounds some steps between that a card does not.
"""

import golden
import torch
import torch.nn.functional as F
from diffusers import DDPMScheduler
from diffusers.training_utils import compute_snr
from lora_written import ALL, ATTENTION, TEXT, TEXT_ALL
from peft import LoraConfig
from stable_diffusion_pipelines import families
from transformers.optimization import Adafactor

IMAGES, CLASSES, BATCH, STEPS, SEED = 10, 4, 3, 20, 5
CAPTIONS = [f"a {color} {thing}" for color in ("red", "blue") for thing in ("rose", "cat", "house", "hat", "cup")]
INSTANCE, CLASS, WORD, LIKE = "a sks cat", "a cat", "<sks>", "a"
CASES = {
    "text_to_image": {"family": "sd1", "input_perturbation": 0.1},
    # At 1e-3 the small XL model turns rounding into 4e-4 of the loss: in PyTorch, too, float32 and float64 differ by that.
    "text_to_image_xl": {"family": "xl", "learning_rate": 1e-5},
    "lora": {"family": "sd1", "lora": "attention", "rank": 4, "alpha": 4},
    "lora_all": {"family": "sd2", "lora": "all", "rank": 2, "alpha": 6},
    "lora_texts": {"family": "sd1", "lora": "all", "rank": 4, "alpha": 2, "texts": True, "text_rate": 3e-4},
    "lora_xl": {"family": "xl", "lora": "attention", "rank": 4, "alpha": 4, "texts": True},
    # At 1e-3 a sum in another order moves these losses by 1e-5, since Adam's first steps divide small gradients by themselves.
    "dreambooth": {"family": "sd1", "prior": 0.7, "texts": True, "learning_rate": 1e-4},
    # The scripts multiply B losses by 2B weights here, which fails; what they mean is that class pictures are not weighted.
    "dreambooth_min_snr": {"family": "sd1", "prior": 0.7, "min_snr": True, "learning_rate": 1e-4},
    "dreambooth_lora": {"family": "sd1", "prior": 1.0, "lora": "attention", "rank": 4, "alpha": 4, "texts": True},
    "textual_inversion": {"family": "sd1", "vectors": 2, "learning_rate": 5e-3},
    "textual_inversion_xl": {"family": "xl", "vectors": 1, "learning_rate": 5e-3},
    "adafactor": {"family": "sd1", "texts": True, "learning_rate": 1e-4, "optimizer": "adafactor"},
    "inpainting": {"family": "sd1_masks"},
    "inpainting_masks": {"family": "sd1_masks", "masks": True},
    "inpainting_lora": {"family": "sd1_masks", "lora": "attention", "rank": 4, "alpha": 4, "texts": True},
    "inpainting_dreambooth": {"family": "sd1_masks", "prior": 0.7, "lora": "all", "rank": 2, "alpha": 6, "masks": True},
    "inpainting_word": {"family": "sd1_masks", "vectors": 1, "learning_rate": 5e-3},
    "inpainting_xl": {"family": "xl_masks", "lora": "attention", "rank": 4, "alpha": 4, "texts": True},
}

HALF = ("text_to_image", "lora_texts", "lora_xl", "dreambooth_lora", "textual_inversion")


def pictures(count, seed):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randint(0, 256, (count, 3, 16, 16), generator=generator) / 255 - 0.5) / 0.5


def masks():
    images, rows, columns = torch.meshgrid(torch.arange(IMAGES), torch.arange(16), torch.arange(16), indexing="ij")
    all = 25 * ((7 * rows + 3 * columns + 5 * images) % 11) / 255
    all[4] = 1
    return all[:, None]


def random_masks(numbers, side):
    """1 where a picture is drawn anew: all of it, a rectangle or an ellipse."""
    kind, tall, wide, top, left = numbers.double()[:, :, None, None].unbind(1)
    tall, wide = tall * side, wide * side
    middle, centre = top * (side - tall) + tall / 2, left * (side - wide) + wide / 2
    rows, columns = torch.meshgrid(*[torch.arange(side, dtype=torch.float64)] * 2, indexing="ij")
    y = (rows + 0.5 - middle).abs() / (tall / 2)
    x = (columns + 0.5 - centre).abs() / (wide / 2)
    inside = torch.where(kind < 0.625, torch.maximum(y, x) <= 1, y * y + x * x <= 1)
    return ((kind < 0.25) | inside).float()[:, None]


class Model:
    def __init__(self, options):
        self.xl = options["family"].startswith("xl")
        self.pipe = families()[options["family"]][1]
        self.unet, self.vae = self.pipe.unet, self.pipe.vae
        self.encoders = {"text_encoder": (self.pipe.text_encoder, self.pipe.tokenizer)}
        if self.xl:
            self.encoders["text_encoder_2"] = (self.pipe.text_encoder_2, self.pipe.tokenizer_2)

    def read(self, captions):
        states, pooled = [], None
        for encoder, tokenizer in self.encoders.values():
            ids = tokenizer(captions, padding="max_length", max_length=16, truncation=True,
                            return_tensors="pt").input_ids
            out = encoder(ids, output_hidden_states=True)
            states.append(out.hidden_states[-2] if self.xl else out.last_hidden_state)
            pooled = out[0]
        if not self.xl:
            return states[0], {}
        ids = torch.tensor([[16, 16, 0, 0, 16, 16]] * len(captions), dtype=torch.float32)
        return torch.cat(states, -1), {"added_cond_kwargs": {"text_embeds": pooled, "time_ids": ids}}

    def freeze(self):
        for model in [self.unet, self.vae] + [encoder for encoder, _ in self.encoders.values()]:
            model.requires_grad_(False)

    def add_lora(self, options):
        parts = {"unet": self.unet}
        if options.get("texts"):
            parts |= {name: encoder for name, (encoder, _) in self.encoders.items()}
        every = options["lora"] == "all"
        layers = {}
        for part, model in parts.items():
            unet = part == "unet"
            model.add_adapter(LoraConfig(
                r=options["rank"], lora_alpha=options["alpha"], init_lora_weights="gaussian",
                target_modules=(ALL if every else ATTENTION) if unet else (TEXT_ALL if every else TEXT)))
            for name, layer in model.named_modules():
                if hasattr(layer, "lora_A"):
                    inner = "" if unet or name.startswith("text_model.") else "text_model."
                    layers[f"{part}.{inner}{name}"] = layer
        generator = torch.Generator().manual_seed(9)
        with torch.no_grad():
            for _, layer in sorted(layers.items()):
                down = layer.lora_A["default"].weight
                down.copy_(torch.randn(down.shape, generator=generator) / options["rank"])
        return parts

    def add_word(self, vectors):
        """As the script does: new rows of the table, all alike."""
        tables = []
        for encoder, tokenizer in self.encoders.values():
            names = [WORD] + [f"{WORD}_{i}" for i in range(1, vectors)]
            assert tokenizer.add_tokens(names) == vectors
            like = tokenizer.encode(LIKE, add_special_tokens=False)
            assert len(like) == 1
            encoder.resize_token_embeddings(len(tokenizer), mean_resizing=False)
            table = encoder.get_input_embeddings().weight
            with torch.no_grad():
                table[-vectors:] = table[like[0]]
            table.requires_grad_(True)
            tables.append(table)
        return tables, " ".join(names)


def groups(model, options, rate):
    """The weights that learn, with their rates."""
    model.freeze()
    if "lora" in options:
        parts = model.add_lora(options)
    else:
        parts = {"unet": model.unet}
        if options.get("texts"):
            parts |= {name: encoder for name, (encoder, _) in model.encoders.items()}
        for part in parts.values():
            part.requires_grad_(True)
    return [{"params": [p for p in part.parameters() if p.requires_grad],
             "lr": rate if name == "unet" else options.get("text_rate", rate)} for name, part in parts.items()]


def train(options, half=False):
    model = Model(options)
    rate = options.get("learning_rate", 1e-3)
    images, captions, tables = pictures(IMAGES, 7), CAPTIONS, []
    if "vectors" in options:
        model.freeze()
        tables, words = model.add_word(options["vectors"])
        captions = [f"a photo of {words}"] * IMAGES
        learning = [{"params": tables, "lr": rate}]
        kept = [table.detach().clone() for table in tables]
    else:
        learning = groups(model, options, rate)
    if "prior" in options:
        captions, classes = [INSTANCE] * IMAGES, pictures(CLASSES, 8)
    if options.get("optimizer") == "adafactor":
        optimizer = Adafactor(learning, weight_decay=1e-2, scale_parameter=False, relative_step=False)
    else:
        optimizer = torch.optim.AdamW(learning, weight_decay=1e-2)
    schedule = DDPMScheduler.from_config(model.pipe.scheduler.config)
    generator = torch.Generator().manual_seed(SEED)
    scaler = torch.amp.GradScaler("cpu", enabled=half)
    losses = []
    batches = [list(range(i, min(i + BATCH, IMAGES))) for i in range(0, IMAGES, BATCH)]
    for step in range(STEPS):
        batch = batches[step % len(batches)]
        pixels, texts = images[batch], [captions[i] for i in batch]
        if "prior" in options:
            pixels = torch.cat([pixels, classes[[i % CLASSES for i in batch]]])
            texts = texts + [CLASS] * len(batch)
        with torch.no_grad():
            x = model.vae.encode(pixels).latent_dist.sample(generator) * model.vae.config.scaling_factor
        channels, weights = [], None
        if model.unet.config.in_channels == 9:
            redraw = random_masks(torch.rand(len(x), 5, generator=generator), 16)
            if "masks" in options:
                weights = torch.cat([masks()[batch], torch.ones(len(x) - len(batch), 1, 16, 16)])
                has = (weights < 0.5).amax(dim=(1, 2, 3), keepdim=True)
                redraw = torch.where(has, (weights >= 0.5).float(), redraw)
            with torch.no_grad():
                known = model.vae.encode(pixels * (redraw < 0.5)).latent_dist.sample(generator)
            channels = [F.interpolate(redraw, size=x.shape[2:]), known * model.vae.config.scaling_factor]
        noise = torch.randn(x.shape, generator=generator)
        seen = noise
        if "input_perturbation" in options:
            seen = noise + options["input_perturbation"] * torch.randn(x.shape, generator=generator)
        t = torch.randint(0, 1000, (len(x),), generator=generator)
        with torch.autocast("cpu", torch.float16, enabled=half):
            states, more = model.read(texts)
            output = model.unet(torch.cat([schedule.add_noise(x, seen, t), *channels], 1), t, states, **more).sample
        output = output.float()
        velocity = schedule.config.prediction_type == "v_prediction"
        target = schedule.get_velocity(x, noise, t) if velocity else noise
        if weights is not None:
            weights = F.interpolate(weights, size=x.shape[2:], mode="area").sqrt()
            output, target = output * weights, target * weights
        if "prior" in options:
            output, prior_output = output.chunk(2)
            target, prior_target = target.chunk(2)
            squares = F.mse_loss(output, target, reduction="none").mean(dim=(1, 2, 3))
            if "min_snr" in options:
                snr = compute_snr(schedule, t[:len(batch)])
                squares = squares * snr.clamp(max=5) / snr
            loss = squares.mean() + options["prior"] * F.mse_loss(prior_output, prior_target)
        else:
            loss = F.mse_loss(output, target)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        if not tables:
            torch.nn.utils.clip_grad_norm_([p for group in learning for p in group["params"]], 1.0)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        with torch.no_grad():
            for table, before in zip(tables, kept if tables else []):
                table[:-options["vectors"]] = before[:-options["vectors"]]
        losses.append(loss.item())
    return losses


def main():
    cases = []
    for name, options in CASES.items():
        losses = train(options)
        print(f"{name:20} {losses[0]:.5f} {losses[-1]:.5f}")
        cases.append({"name": name, "options": options, "losses": losses})
        if name in HALF:
            cases[-1]["half"] = half = train(options, True)
            print(f"{'':13} in half off by {max(abs(a - b) for a, b in zip(half, losses)):.1e}")
    golden.write("fine_tuning", {
        "seed": SEED, "batch": BATCH, "images": IMAGES, "class_images": CLASSES, "captions": CAPTIONS,
        "instance": INSTANCE, "class": CLASS, "word": WORD, "like": LIKE, "cases": cases}, {}, "training")


if __name__ == "__main__":
    main()
