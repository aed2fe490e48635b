"""Goldens of CLIP guidance as in unit 2 of the Hugging Face diffusion models course, with tiny networks.

torch 2.13.0 (CPU), torchvision 0.28.0, transformers 5.18.0, diffusers 0.40.0.dev0, commit
58eb52c0803ea9af3abec60841c2a093bdf1f951.
Run: PYTHONPATH=<diffusers>/src python reference/clip_guidance.py

golden/guidance/clip         a CLIP model in transformers' layout with the tokenizer of golden/clip
golden/guidance/clip_images  for each case the final tensor and the loss and gradient norm of each step;
                             `crops` are cutouts of pictures of odd sizes, with the sum over them of
                             the gradient of a fixed weighting

The loop is the course's: torch's global generator draws the start noise, the transforms of each cut and,
for ddpm, the scheduler's noise. The predicted x_0 comes from a copy of the scheduler, which for ddpm has
its own generator: the course's loop would draw noise once for each cut and discard it. A case takes
the first seed for which start noise that differs by 1e-6 leads to the same pictures: see guidance.py.
"""

import copy
import shutil

import torch
import torchvision
import transformers
from diffusers import DDIMScheduler, DDPMScheduler

import golden
import pipeline

HOME = golden.GOLDEN / "guidance/clip"
SIDE = 12
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
SCHEDULERS = {"ddim": DDIMScheduler, "ddpm": DDPMScheduler}
DEFAULTS = {"model": "pipeline/tiny", "scheduler": "ddim", "config": {}, "steps": 10, "eta": 0.0, "seed": 0,
            "count": 2, "gradient": "shortcut", "prompts": [["a red rose", 1]], "cuts": 2, "scale": 3,
            "weights": "constant"}
CASES = {
    "one_cut": {"cuts": 1},
    "four_cuts": {"cuts": 4, "count": 1},
    "exact": {"gradient": "exact"},
    "exact_three_cuts": {"gradient": "exact", "cuts": 3, "count": 3},
    "ddpm": {"scheduler": "ddpm"},
    "ddpm_exact": {"scheduler": "ddpm", "gradient": "exact", "cuts": 3},
    "eta": {"eta": 0.8, "gradient": "exact"},
    "loop_position": {"weights": "loop_position", "cuts": 4},
    "loop_position_exact": {"weights": "loop_position", "gradient": "exact"},
    "unclipped": {"config": {"clip_sample": False}, "gradient": "exact"},
    "v_prediction": {"config": {"prediction_type": "v_prediction"}},
    "prompts": {"prompts": [["a red rose", 1], ["the sea", 1]], "cuts": 3},
    "weighted": {"prompts": [["a red rose", 2], ["blue", -0.5]], "gradient": "exact"},
    "away": {"prompts": [["a red rose", -1]]},
    "gray": {"model": "guidance/gray", "cuts": 3, "scale": 0.5},
    "gray_exact": {"model": "guidance/gray", "scale": 0.5, "gradient": "exact"},
}
TRANSFORMS = torchvision.transforms.Compose([
    torchvision.transforms.RandomResizedCrop(SIDE),
    torchvision.transforms.RandomAffine(5),
    torchvision.transforms.RandomHorizontalFlip(),
    torchvision.transforms.Normalize(mean=MEAN, std=STD),
])


def save_clip():
    config = transformers.CLIPConfig(
        projection_dim=10,
        vision_config={"image_size": SIDE, "patch_size": 4, "hidden_size": 16, "intermediate_size": 32,
                       "num_hidden_layers": 2, "num_attention_heads": 2},
        text_config={"vocab_size": 552, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1,
                     "num_attention_heads": 2, "max_position_embeddings": 12, "eos_token_id": 551})
    clip = transformers.CLIPModel(config).eval()
    golden.fill(clip, 31)
    shutil.rmtree(HOME, ignore_errors=True)
    clip.save_pretrained(HOME)
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(golden.GOLDEN / "clip/tokenizer" / name, HOME / name)
    for file in HOME.iterdir():
        file.chmod(0o644)
    return clip


def text_features(clip, prompts):
    tokenizer = transformers.CLIPTokenizer(vocab=str(HOME / "vocab.json"), merges=str(HOME / "merges.txt"))
    ids = tokenizer([text for text, _ in prompts], padding="max_length", max_length=12, truncation=True,
                    return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return clip.get_text_features(input_ids=ids).pooler_output


def clip_loss(clip, image, features, weights):
    """The course's loss, but its mean over prompts is weighted."""
    image = image.expand(-1, 3, -1, -1)
    image_features = clip.get_image_features(pixel_values=TRANSFORMS(image)).pooler_output
    input_normed = torch.nn.functional.normalize(image_features.unsqueeze(1), dim=2)
    embed_normed = torch.nn.functional.normalize(features.unsqueeze(0), dim=2)
    dists = input_normed.sub(embed_normed).norm(dim=2).div(2).arcsin().pow(2).mul(2)
    return (dists * weights).sum(1).mean()


def predicted_x0(scheduler, noise_pred, t, x):
    extra = {} if isinstance(scheduler, DDIMScheduler) else {"generator": torch.Generator()}
    return copy.copy(scheduler).step(noise_pred, t, x, **extra).pred_original_sample


def sample(model, clip, options, nudge=0.0):
    scheduler = SCHEDULERS[options["scheduler"]].from_config(model.scheduler_config | options["config"])
    scheduler.set_timesteps(options["steps"])
    extra = {"eta": options["eta"]} if options["scheduler"] == "ddim" else {}
    features = text_features(clip, options["prompts"])
    weights = torch.tensor([float(weight) for _, weight in options["prompts"]])
    weights = weights / weights.abs().sum()
    n_cuts, exact = options["cuts"], options["gradient"] == "exact"
    torch.manual_seed(options["seed"])
    x = torch.randn(options["count"], *model.sample_shape())
    x = x + nudge * torch.randn(x.shape, generator=torch.Generator().manual_seed(7))
    trace = []
    for i, t in enumerate(scheduler.timesteps):
        model_input = scheduler.scale_model_input(x, t)
        if exact:
            x = model_input = x.detach().requires_grad_()
        with torch.set_grad_enabled(exact):
            noise_pred = model(model_input, t, None)
        cond_grad, mean_loss = 0, 0
        for _ in range(n_cuts):
            if not exact:
                x = x.detach().requires_grad_()
            x0 = predicted_x0(scheduler, noise_pred, t, x)
            loss = clip_loss(clip, x0, features, weights)
            mean_loss += loss.item() / n_cuts
            cond_grad -= torch.autograd.grad(loss * options["scale"], x, retain_graph=exact)[0] / n_cuts
        alpha_bar = scheduler.alphas_cumprod[i] if options["weights"] == "loop_position" else torch.tensor(1.0)
        cond_grad = cond_grad * alpha_bar.sqrt()
        trace.append({"loss": mean_loss, "gradient_norm": cond_grad.norm().item()})
        x = x.detach() + cond_grad
        x = scheduler.step(noise_pred.detach(), t, x, **extra).prev_sample
    options["schedule"] = [1.0 if options["weights"] == "constant" else scheduler.alphas_cumprod[i].sqrt().item()
                           for i in range(options["steps"])]
    return x.detach(), trace


def first_stable(model, clip, options):
    while True:
        images, trace = sample(model, clip, options)
        off = max((sample(model, clip, options, nudge)[0] - images).abs().max() for nudge in (1e-6, -1e-6))
        if off < 3e-4 * images.abs().max():
            return images, trace
        options["seed"] += 1


def crops(tensors):
    """The transforms of pictures of odd sizes, and the gradient back to the pixels."""
    cases = []
    for seed, (height, width, side) in enumerate([(16, 16, 12), (7, 33, 10), (40, 6, 14), (5, 5, 24)]):
        generator = torch.Generator().manual_seed(seed)
        pictures = torch.randn(2, 3, height, width, generator=generator).requires_grad_()
        transforms = torchvision.transforms.Compose(
            [torchvision.transforms.RandomResizedCrop(side)] + TRANSFORMS.transforms[1:3])
        torch.manual_seed(100 + seed)
        cuts = torch.cat([transforms(pictures) for _ in range(5)])
        weights = torch.linspace(-1, 1, cuts.numel()).reshape(cuts.shape)
        gradient, = torch.autograd.grad((cuts * weights).sum(), pictures)
        name = f"crops{seed}"
        cases.append({"name": name, "seed": seed, "height": height, "width": width, "side": side})
        tensors |= {f"{name}.cuts": cuts.detach(), f"{name}.gradient": gradient}
    return cases


def main():
    clip = save_clip()
    cases, tensors = [], {}
    for name, changed in CASES.items():
        options = DEFAULTS | changed
        model = pipeline.Model(golden.GOLDEN / options["model"])
        tensors[name], trace = first_stable(model, clip, options)
        cases.append({"name": name, "options": options, "trace": trace})
        print(f"{name:24} seed {options['seed']} std {tensors[name].std():.3f} "
              f"loss {trace[0]['loss']:.4f} -> {trace[-1]['loss']:.4f}")
    versions = {"torchvision": torchvision.__version__, "transformers": transformers.__version__}
    golden.write("guidance/clip_images",
                 {"clip_versions": versions, "crops": crops(tensors), "cases": cases}, tensors)


main()
