"""The Python side of the benchmarks: diffusers on torch, eager, driven by lines of JSON.

torch 2.13.0 (CPU), diffusers 0.40.0.dev0, commit 58eb52c0803ea9af3abec60841c2a093bdf1f951.
Run: PYTHONPATH=<diffusers>/src python bench/peer.py serve [--threads 2]
     PYTHONPATH=<diffusers>/src python bench/peer.py first-picture --model DIR --out FILE.png

`serve` answers each line of standard input with a line on standard output, so that a driver can
alternate it with another program; models are made at first use and kept between commands:
    {"run": "train-step", "steps": 3}   ->  {"seconds": [1.71, 1.69, 1.70]}
    {"exit": true}                      ->  {"peak_rss_mb": 912.3}
`run` is a key of STEPS; data-epoch and cache-picture read the files in $BENCH_PICTURES. $BENCH_DEVICE and $BENCH_PRECISION (bf16, fp16) are as for
`run.py`; a card answers the mean of the steps. `first-picture` is one cold process: load a model
directory, sample one picture in 10 DDIM steps, save it; `seconds` counts from the script's first line
(the driver's own clock also sees the interpreter start). `--lean` hides the optional packages
that diffusers imports when it finds them, which makes its start quicker.
"""

import time

START = time.perf_counter()

import argparse  # noqa: E402  (the clock starts before the imports)
import importlib.util  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

DEVICE = os.environ.get("BENCH_DEVICE", "cpu")
OPTIONAL = ("transformers", "torchvision", "open_clip", "datasets", "pandas")
MNIST = {
    "sample_size": 28, "in_channels": 1 + 4, "out_channels": 1, "layers_per_block": 2,
    "block_out_channels": (32, 64, 64),
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
}
CELEBAHQ = {  # google/ddpm-celebahq-256
    "sample_size": 256, "in_channels": 3, "out_channels": 3, "layers_per_block": 2,
    "block_out_channels": (128, 128, 256, 256, 512, 512),
    "down_block_types": ("DownBlock2D",) * 4 + ("AttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "AttnUpBlock2D") + ("UpBlock2D",) * 4,
    "attention_head_dim": None, "downsample_padding": 0, "flip_sin_to_cos": False,
    "freq_shift": 1, "norm_eps": 1e-6, "norm_num_groups": 32,
}


def hide_optional_packages():
    find = importlib.util.find_spec
    importlib.util.find_spec = lambda name, *rest: (
        None if name.split(".")[0] in OPTIONAL else find(name, *rest))


def peak_rss_mb():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def half_precision():
    """The type of 16 bits that was asked for, if any."""
    import torch
    return {"bf16": torch.bfloat16, "fp16": torch.float16}.get(os.environ.get("BENCH_PRECISION"))


def precise():
    import torch
    half = half_precision()
    return torch.autocast(DEVICE.split(":")[0], half or torch.bfloat16, enabled=half is not None)


def scaler():
    """The factor of the loss in fp16; it does nothing in other precisions."""
    import torch
    return torch.amp.GradScaler(DEVICE.split(":")[0], enabled=half_precision() == torch.float16)


def unet_of(config):
    """A function of noisy pictures and timesteps, and the parameters."""
    import torch
    from diffusers import UNet2DModel
    torch.manual_seed(0)
    unet = UNet2DModel(**config).to(DEVICE)

    def denoise(x, t):
        with precise():
            return unet(x, t).sample.float()

    return denoise, list(unet.parameters())


def class_channels(class_emb, labels, x):
    return class_emb(labels)[:, :, None, None].expand(-1, -1, *x.shape[2:])


def digits(batch):
    """The course notebook's model: an embedding of 4 numbers, repeated over the image and concatenated."""
    import torch
    unet, parameters = unet_of(MNIST)
    class_emb = torch.nn.Embedding(10, 4).to(DEVICE)
    labels = (torch.arange(batch) % 10).to(DEVICE)

    def denoise(x, t):
        return unet(torch.cat([x, class_channels(class_emb, labels, x)], dim=1), t)

    return denoise, [*parameters, *class_emb.parameters()]


def training_step(model, optimizer, images, **options):
    """One optimiser step over the batches of `images`, whose gradients add up."""
    import torch
    import torch.nn.functional as F
    from diffusers import DDPMScheduler
    denoise, parameters = model
    schedule = DDPMScheduler(**options)
    optimizer, scale = optimizer(parameters), scaler()

    def step():
        for clean in images:
            clean = clean.to(DEVICE)
            noise = torch.randn_like(clean)
            t = torch.randint(0, 1000, clean.shape[:1], device=DEVICE)
            loss = F.mse_loss(denoise(schedule.add_noise(clean, noise, t), t), noise)
            scale.scale(loss / len(images)).backward()
            loss.item()
        scale.step(optimizer)
        scale.update()
        optimizer.zero_grad()

    return step


def pictures(*shape):
    import torch
    return torch.rand(shape) * 2 - 1


def train_step():
    import torch
    return training_step(digits(128), lambda p: torch.optim.Adam(p, lr=1e-3), pictures(1, 128, 1, 28, 28),
                         beta_schedule="squaredcos_cap_v2")


def faces_step():
    import torch
    config = dict(MNIST, sample_size=64, in_channels=3, out_channels=3, block_out_channels=(64, 128, 128))
    return training_step(unet_of(config), lambda p: torch.optim.AdamW(p, lr=1e-4), pictures(1, 128, 3, 64, 64),
                         beta_schedule="squaredcos_cap_v2")


def sampling_step(denoise, shape, options):
    """One denoising step after another; the picture starts again when the schedule ends."""
    import torch
    from diffusers import DDPMScheduler
    schedule = DDPMScheduler(**options)
    schedule.set_timesteps(1000, device=DEVICE)
    state = {"x": torch.randn(shape, device=DEVICE), "i": 0}

    def step():
        with torch.no_grad():
            t = schedule.timesteps[state["i"]]
            state["x"] = schedule.step(denoise(state["x"], t), t, state["x"]).prev_sample
        state["i"] += 1
        if state["i"] == 1000:
            state.update(x=torch.randn(shape, device=DEVICE), i=0)

    return step


def sample_step():
    denoise, _ = digits(80)
    return sampling_step(denoise, (80, 1, 28, 28), {"beta_schedule": "squaredcos_cap_v2"})


def celeba_step(count=1):
    return sampling_step(unet_of(CELEBAHQ)[0], (count, 3, 256, 256), {})


def data_epoch():
    """torchvision's transforms of diffusers' training script, with two persistent workers."""
    import torch
    from PIL import Image
    from torchvision import transforms
    transform = transforms.Compose([
        transforms.Resize(256), transforms.RandomCrop(256), transforms.RandomHorizontalFlip(),
        transforms.ToTensor(), transforms.Normalize([0.5], [0.5])])

    class Pictures(torch.utils.data.Dataset):
        files = sorted(Path(os.environ["BENCH_PICTURES"]).iterdir())

        def __len__(self):
            return len(self.files)

        def __getitem__(self, index):
            with Image.open(self.files[index]) as image:
                return transform(image.convert("RGB"))

    loader = torch.utils.data.DataLoader(
        Pictures(), batch_size=16, shuffle=True, num_workers=2, persistent_workers=True)

    def epoch():
        for _ in loader:
            pass

    return epoch


def finetune_step(batches=2, batch=2):
    """The course notebook's loop: AdamW 1e-5, batch 4 as 2 x 2."""
    import torch
    return training_step(unet_of(CELEBAHQ), lambda p: torch.optim.AdamW(p, lr=1e-5), pictures(batches, batch, 3, 256, 256))


def color_loss(images, target_color=(0.1, 0.9, 0.5)):
    import torch
    target = (torch.tensor(target_color)[None, :, None, None] * 2 - 1).to(images.device)
    return torch.abs(images - target).mean()


def color_step(exact):
    """One of 40 guided steps as in unit 2 of the diffusion models course, exactly or by the shortcut."""
    import torch
    from diffusers import DDIMScheduler
    unet, _ = unet_of(CELEBAHQ)
    schedule = DDIMScheduler()
    schedule.set_timesteps(40, device=DEVICE)
    state = {"x": torch.randn(1, 3, 256, 256, device=DEVICE), "i": 0}

    def step():
        t = schedule.timesteps[state["i"] % 40]
        x = state["x"]
        if exact:
            x = x.detach().requires_grad_()
            noise_pred = unet(schedule.scale_model_input(x, t), t)
        else:
            with torch.no_grad():
                noise_pred = unet(schedule.scale_model_input(x, t), t)
            x = x.detach().requires_grad_()
        x0 = schedule.step(noise_pred, t, x).pred_original_sample
        gradient = torch.autograd.grad(color_loss(x0) * 40, x)[0]
        x = x.detach() - gradient
        state["x"] = schedule.step(noise_pred, t, x).prev_sample.detach()
        state["i"] += 1

    return step


def clip_step():
    """A step of unit 2 of the diffusion models course, guided by CLIP: its code and its transforms."""
    import open_clip
    import torch
    import torchvision
    from diffusers import DDIMScheduler, UNet2DModel
    torch.manual_seed(0)
    unet = UNet2DModel(**CELEBAHQ).eval()
    clip_model, _, _ = open_clip.create_model_and_transforms("ViT-B-32-quickgelu")
    schedule = DDIMScheduler()
    schedule.set_timesteps(40)
    tfms = torchvision.transforms.Compose([
        torchvision.transforms.RandomResizedCrop(224),
        torchvision.transforms.RandomAffine(5),
        torchvision.transforms.RandomHorizontalFlip(),
        torchvision.transforms.Normalize(mean=(0.48145466, 0.4578275, 0.40821073),
                                         std=(0.26862954, 0.26130258, 0.27577711)),
    ])
    with torch.no_grad():
        text_features = clip_model.encode_text(open_clip.tokenize(["a red rose"]))
    state = {"x": torch.randn(4, 3, 256, 256), "i": 0}

    def clip_loss(image):
        image_features = clip_model.encode_image(tfms(image))
        input_normed = torch.nn.functional.normalize(image_features.unsqueeze(1), dim=2)
        embed_normed = torch.nn.functional.normalize(text_features.unsqueeze(0), dim=2)
        return input_normed.sub(embed_normed).norm(dim=2).div(2).arcsin().pow(2).mul(2).mean()

    def step():
        t = schedule.timesteps[state["i"] % 40]
        x = state["x"]
        with torch.no_grad():
            noise_pred = unet(schedule.scale_model_input(x, t), t).sample
        cond_grad = 0
        for _ in range(4):
            x = x.detach().requires_grad_()
            x0 = schedule.step(noise_pred, t, x).pred_original_sample
            cond_grad -= torch.autograd.grad(clip_loss(x0) * 8, x)[0] / 4
        x = x.detach() + cond_grad
        state["x"] = schedule.step(noise_pred, t, x).prev_sample
        state["i"] += 1

    return step


def text_unet(dtype=None):
    """The shape of Stable Diffusion 1.5, from a file in float16."""
    import torch
    from diffusers import UNet2DConditionModel
    unet = UNet2DConditionModel.from_pretrained(
        os.environ["BENCH_TEXT_MODEL"], subfolder="unet", torch_dtype=dtype or torch.float32)
    return unet.to(DEVICE).eval().requires_grad_(False)


def text_autoencoder():
    import torch
    from diffusers import AutoencoderKL
    vae = AutoencoderKL.from_pretrained(
        os.environ["BENCH_TEXT_MODEL"], subfolder="decoder", torch_dtype=torch.float32)
    return vae.to(DEVICE).eval().requires_grad_(False)


def text_step(side, guided, dtype=None, steered=False):
    """A step of StableDiffusionPipeline; `steered` adds the deep dive's colour loss on the decoded prediction."""
    import torch
    from diffusers import DDIMScheduler
    dtype = getattr(torch, dtype) if dtype else half_precision() or torch.float32
    unet, schedule = text_unet(dtype), DDIMScheduler()
    vae = text_autoencoder() if steered else None
    schedule.set_timesteps(40, device=DEVICE)
    tokens = torch.randn(2 if guided else 1, 77, 768).to(DEVICE, dtype)
    state = {"x": torch.randn(1, 4, side // 8, side // 8).to(DEVICE, dtype), "i": 0}

    def step():
        t, x = schedule.timesteps[state["i"] % 40], state["x"]
        with torch.no_grad():
            seen = schedule.scale_model_input(torch.cat([x] * len(tokens)), t)
            noise = unet(seen, t, encoder_hidden_states=tokens, return_dict=False)[0]
            if guided:
                negative, positive = noise.chunk(2)
                noise = negative + 7.5 * (positive - negative)
        if steered:
            x = x.detach().requires_grad_()
            x0 = schedule.step(noise, t, x).pred_original_sample
            pictures = vae.decode(x0 / vae.config.scaling_factor).sample
            x = x.detach() - torch.autograd.grad(color_loss(pictures) * 40, x)[0]
        state["x"] = schedule.step(noise, t, x).prev_sample.detach()
        state["i"] += 1

    return step


def learning_step(side, lora):
    """A step of diffusers' text-to-image scripts, batch 1, with cached latents and texts: LoRA, or all weights."""
    import torch
    import torch.nn.functional as F
    from diffusers import DDPMScheduler
    unet = text_unet(half_precision() if lora else None)  # frozen weights are in half precision
    schedule = DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    unet.train()
    if lora:
        from diffusers.training_utils import cast_training_params
        from peft import LoraConfig
        unet.add_adapter(LoraConfig(
            r=16, lora_alpha=16, init_lora_weights="gaussian", target_modules=["to_k", "to_q", "to_v", "to_out.0"]))
        cast_training_params(unet, torch.float32)
    else:
        unet.requires_grad_(True)
        unet.enable_gradient_checkpointing()
    optimizer, scale = torch.optim.AdamW([p for p in unet.parameters() if p.requires_grad], lr=1e-4), scaler()
    moments = torch.randn(8, 2, 4, side // 8, side // 8, device=DEVICE)
    tokens = torch.randn(8, 77, 768, device=DEVICE, dtype=unet.dtype)
    state = {"i": 0}

    def step():
        mean, log_variance = moments[state["i"] % 8].split(1)
        latents = (mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)) * 0.18215
        noise = torch.randn_like(latents)
        t = torch.randint(0, 1000, (1,), device=DEVICE)
        texts = tokens[state["i"] % 8][None]
        with precise():
            predicted = unet(schedule.add_noise(latents, noise, t), t, texts, return_dict=False)[0]
        loss = F.mse_loss(predicted.float(), noise)
        scale.scale(loss).backward()
        scale.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_([p for p in unet.parameters() if p.requires_grad], 1.0)
        scale.step(optimizer)
        scale.update()
        optimizer.zero_grad()
        loss.item()
        state["i"] += 1

    return step


def encode_256():
    """The distribution of the latents of one picture."""
    import torch
    vae, pictures = text_autoencoder(), torch.rand(1, 3, 256, 256) * 2 - 1

    def step():
        with torch.no_grad():
            vae.encode(pictures).latent_dist

    return step


def cache_picture():
    """One picture of the loop in which diffusers' scripts fill their latents cache, and its caption's states."""
    import torch
    from PIL import Image
    from torchvision import transforms
    from transformers import CLIPTextModel, CLIPTokenizer
    reader = Path(os.environ["BENCH_TEXT_MODEL"]) / "reader"
    vae, tokenizer = text_autoencoder(), CLIPTokenizer.from_pretrained(reader / "tokenizer")
    text_encoder = CLIPTextModel.from_pretrained(reader / "text_encoder", torch_dtype=torch.float32)
    text_encoder.requires_grad_(False)
    folder = Path(os.environ["BENCH_PICTURES"])
    rows = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]
    transform = transforms.Compose([
        transforms.Resize(256), transforms.CenterCrop(256), transforms.ToTensor(), transforms.Normalize([0.5], [0.5])])

    class Pictures(torch.utils.data.Dataset):
        def __len__(self):
            return len(rows)

        def __getitem__(self, index):
            with Image.open(folder / rows[index]["file_name"]) as image:
                pixels = transform(image.convert("RGB"))
            tokens = tokenizer(rows[index]["text"], max_length=77, padding="max_length", truncation=True,
                               return_tensors="pt").input_ids[0]
            return pixels, tokens

    batches, latents, texts = iter(torch.utils.data.DataLoader(Pictures(), batch_size=1)), [], []

    def step():
        pixels, tokens = next(batches)
        with torch.no_grad():
            latents.append(vae.encode(pixels).latent_dist)
            texts.append(text_encoder(tokens)[0])

    return step


def decode_512():
    import torch
    vae, latents = text_autoencoder(), torch.randn(1, 4, 64, 64)

    def step():
        with torch.no_grad():
            vae.decode(latents / vae.config.scaling_factor, return_dict=False)

    return step


STEPS = {"text-step": lambda: text_step(256, True), "text-step-512": lambda: text_step(512, False),
         "text-step-bf16": lambda: text_step(256, True, "bfloat16"), "decode-512": decode_512,
         "text-color-shortcut": lambda: text_step(256, False, steered=True), "encode-256": encode_256,
         "cache-picture": cache_picture,
         "lora-step": lambda: learning_step(256, True), "lora-step-512": lambda: learning_step(512, True),
         "text-finetune-step": lambda: learning_step(256, False), "color-shortcut": lambda: color_step(exact=False), "color-exact": lambda: color_step(exact=True),
         "data-epoch": data_epoch, "train-step": train_step, "sample-step": sample_step, "celeba-step": celeba_step,
         "finetune-step": finetune_step, "clip-step": clip_step, "celeba-step-16": lambda: celeba_step(16),
         "finetune-step-16": lambda: finetune_step(1, 16), "faces-step": faces_step}


def timed(step, steps):
    """The seconds of each step; on a card, where steps do not wait, their mean."""
    begin, seconds = time.perf_counter(), []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    if DEVICE == "cpu":
        return seconds
    import torch
    torch.cuda.synchronize()
    return [(time.perf_counter() - begin) / steps]


def serve():
    made = {}
    for line in sys.stdin:
        command = json.loads(line)
        if command.get("exit"):
            break
        name = command["run"]
        if name not in made:
            made[name] = STEPS[name]()
        print(json.dumps({"seconds": timed(made[name], command["steps"])}), flush=True)
    print(json.dumps({"peak_rss_mb": peak_rss_mb()}), flush=True)


def first_picture(directory, out, label):
    import torch
    from diffusers import DDIMScheduler, DDPMPipeline
    from PIL import Image
    from safetensors.torch import load_file
    pipe = DDPMPipeline.from_pretrained(directory)
    unet, schedule = pipe.unet, DDIMScheduler.from_config(pipe.scheduler.config)
    schedule.set_timesteps(10)
    weights = Path(directory) / "class_conditioning/model.safetensors"
    class_emb = None
    if weights.exists():
        class_emb = torch.nn.Embedding.from_pretrained(load_file(weights)["class_emb.weight"])
    size = unet.config.sample_size
    extra = class_emb.embedding_dim if class_emb else 0
    x = torch.randn(1, unet.config.in_channels - extra, size, size,
                    generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([label])
    with torch.no_grad():
        for t in schedule.timesteps:
            model_input = torch.cat([x, class_channels(class_emb, labels, x)], dim=1) if class_emb else x
            x = schedule.step(unet(model_input, t).sample, t, x).prev_sample
    pixels = ((x[0] / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels.squeeze()).save(out)
    print(json.dumps({"seconds": time.perf_counter() - START, "peak_rss_mb": peak_rss_mb()}))


def first_text_picture(directory, out, prompt):
    import torch
    from diffusers import DDIMScheduler, StableDiffusionPipeline
    pipe = StableDiffusionPipeline.from_pretrained(directory, torch_dtype=torch.float32)
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    pipe(prompt, num_inference_steps=10, generator=torch.Generator().manual_seed(0)).images[0].save(out)
    print(json.dumps({"seconds": time.perf_counter() - START, "peak_rss_mb": peak_rss_mb()}))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["serve", "first-picture", "first-text-picture"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model")
    parser.add_argument("--out", default="first.png")
    parser.add_argument("--class", dest="label", type=int, default=0)
    parser.add_argument("--prompt")
    parser.add_argument("--lean", action="store_true")
    options = parser.parse_args()
    if options.lean:
        hide_optional_packages()
    import torch
    torch.set_num_threads(options.threads)
    if options.mode == "serve":
        serve()
    elif options.mode == "first-text-picture":
        first_text_picture(options.model, options.out, options.prompt)
    else:
        first_picture(options.model, options.out, options.label)


main()
