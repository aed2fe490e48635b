"""Pictures of Stable Diffusion pipelines with mild weights: golden/stable_diffusion_pipelines.

The tests build the same model directories: configurations stand in the JSON file, weights follow
the rule of reference/stable_diffusion.py, and the tokenizer is golden/sd_tokenizer.
"""

import gzip
import json
from types import SimpleNamespace

import golden
import torch
from diffusers import (
    AutoencoderKL, DDIMScheduler, DDPMScheduler, DEISMultistepScheduler,
    DPMSolverMultistepScheduler, DPMSolverSinglestepScheduler,
    EulerAncestralDiscreteScheduler, EulerDiscreteScheduler, HeunDiscreteScheduler,
    LatentConsistencyModelImg2ImgPipeline, LatentConsistencyModelPipeline, LCMScheduler,
    LMSDiscreteScheduler, PNDMScheduler, StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline, StableDiffusionPipeline, StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLInpaintPipeline, StableDiffusionXLPipeline, UNet2DConditionModel,
    UniPCMultistepScheduler)
from PIL import Image, ImageDraw
from stable_diffusion import BASE, RULE, TWO, VAE, XL, fill
from transformers import (
    CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer)

MERGES = 400
TOKENIZER = golden.GOLDEN / "sd_tokenizer"


def bytes_to_unicode():
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in plain]
    return [chr(b) for b in plain] + [chr(256 + i) for i in range(len(others))]


def write_tokenizer():
    path = golden.GOLDEN.parent.parent.parent / "main/resources/dev/sfumato/clip/merges.txt.gz"
    merges = gzip.open(path, "rt", encoding="utf-8").read().splitlines()[:MERGES]
    letters = bytes_to_unicode()
    tokens = letters + [letter + "</w>" for letter in letters]
    tokens += [merge.replace(" ", "") for merge in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    TOKENIZER.mkdir(exist_ok=True)
    vocabulary = {token: i for i, token in enumerate(tokens)}
    (TOKENIZER / "vocab.json").write_text(json.dumps(vocabulary))
    (TOKENIZER / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    return len(tokens)


TOKENS = write_tokenizer()
TEXT = {"vocab_size": TOKENS, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3,
        "num_attention_heads": 4, "max_position_embeddings": 16, "projection_dim": 32,
        "bos_token_id": TOKENS - 2, "eos_token_id": TOKENS - 1, "pad_token_id": TOKENS - 1}
NOISE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
         "num_train_timesteps": 1000, "steps_offset": 1}


def tokenizer(padding):
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 16, "pad_token": padding}
    read = CLIPTokenizer.from_pretrained(TOKENIZER, **settings)
    return read, settings


def part(document, name, model, seed, parameters=False):
    fill(model, seed)
    config = model.config.to_dict() if parameters else golden.config_of(model)
    document[name] = {"config": config, "seed": seed}
    if parameters:
        document[name]["parameters"] = {
            key: list(value.shape) for key, value in sorted(model.state_dict().items())}
    return model.eval()


def sparse(scheduler):
    """What was said of the scheduler: to the rest, from_config gives another class's defaults."""
    defaults = scheduler.config.get("_use_default_values", [])
    return {key: value for key, value in golden.config_of(scheduler).items()
            if key not in defaults}


def family(kind, unet, scheduler, vae, texts, paddings, seed, first="", **keys):
    document = {"class": kind.__name__}
    parts = {"unet": part(document, "unet", UNet2DConditionModel(**unet), seed),
             "vae": part(document, "vae", AutoencoderKL(**vae), seed + 1),
             "scheduler": scheduler}
    document["scheduler"] = sparse(scheduler)
    for i, (encoder, options) in enumerate(texts):
        suffix = first if i == 0 else "_2"
        model = encoder(CLIPTextConfig(**options))
        parts["text_encoder" + suffix] = part(
            document, "text_encoder" + suffix, model, seed + 2 + i, parameters=True)
        parts["tokenizer" + suffix], document["tokenizer" + suffix] = tokenizer(paddings[i])
    absent = {"text_encoder": None, "tokenizer": None} if first else {}
    pipe = kind(**parts, **absent, **keys)
    pipe.set_progress_bar_config(disable=True)
    document["keys"] = keys
    return document, pipe


def families():
    end = "<|endoftext|>"
    plain = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    wide = TEXT | {"hidden_size": 48, "hidden_act": "gelu", "pad_token_id": 0}
    second = TEXT | {"hidden_act": "gelu", "pad_token_id": 0}
    return {
        "sd1": family(StableDiffusionPipeline, BASE,
                      PNDMScheduler(**NOISE, skip_prk_steps=True, set_alpha_to_one=False), VAE,
                      [(CLIPTextModel, TEXT)], [end], 600, **plain),
        "sd2": family(StableDiffusionPipeline, TWO,
                      DDIMScheduler(**NOISE, prediction_type="v_prediction", clip_sample=False,
                                    set_alpha_to_one=False), VAE,
                      [(CLIPTextModel, wide)], ["!"], 610, **plain),
        "xl": family(StableDiffusionXLPipeline, XL, EulerDiscreteScheduler(**NOISE),
                     VAE | {"scaling_factor": 0.13025, "force_upcast": True},
                     [(CLIPTextModel, TEXT), (CLIPTextModelWithProjection, second)], [end, "!"],
                     620),
        "refiner": family(StableDiffusionXLImg2ImgPipeline,
                          XL | {"cross_attention_dim": 32,
                                "projection_class_embeddings_input_dim": 72},
                          EulerDiscreteScheduler(**NOISE), VAE | {"scaling_factor": 0.13025},
                          [(CLIPTextModelWithProjection, second)], ["!"], 640, first="_2",
                          requires_aesthetics_score=True, force_zeros_for_empty_prompt=False),
        "lcm": family(StableDiffusionPipeline, BASE | {"time_cond_proj_dim": 16},
                      LCMScheduler(**NOISE), VAE, [(CLIPTextModel, TEXT)], [end], 630, **plain),
        "lcm_own": family(LatentConsistencyModelPipeline, BASE | {"time_cond_proj_dim": 16},
                          LCMScheduler(**NOISE), VAE, [(CLIPTextModel, TEXT)], [end], 670, **plain),
        "sd1_masks": family(StableDiffusionInpaintPipeline, BASE | {"in_channels": 9},
                            PNDMScheduler(**NOISE, skip_prk_steps=True, set_alpha_to_one=False),
                            VAE, [(CLIPTextModel, TEXT)], [end], 650, **plain),
        "xl_masks": family(StableDiffusionXLInpaintPipeline, XL | {"in_channels": 9},
                           EulerDiscreteScheduler(**NOISE),
                           VAE | {"scaling_factor": 0.13025, "force_upcast": True},
                           [(CLIPTextModel, TEXT), (CLIPTextModelWithProjection, second)],
                           [end, "!"], 660),
    }


ROSE, LONG = "a red rose", "an old house by the sea, " * 4
CASES = {
    "sd1_pndm": ("sd1", None, {"prompts": [ROSE]}),
    "sd1_ddim": ("sd1", DDIMScheduler, {"prompts": [ROSE], "clip_skip": 1, "eta": 0.5}),
    "sd1_euler": ("sd1", EulerDiscreteScheduler,
                  {"prompts": [ROSE], "negative": "blue", "count": 2}),
    "sd1_euler_ancestral": ("sd1", EulerAncestralDiscreteScheduler,
                            {"prompts": [ROSE, "two cats"], "count": 2, "height": 16, "width": 24}),
    "sd1_dpmsolver": ("sd1", DPMSolverMultistepScheduler, {"prompts": [LONG], "rescale": 0.7}),
    "sd1_deis": ("sd1", DEISMultistepScheduler, {"prompts": [""], "scale": 1.0}),
    "sd1_heun": ("sd1", HeunDiscreteScheduler, {"prompts": [ROSE], "scale": 3.0}),
    "sd2_ddim": ("sd2", None, {"prompts": [ROSE]}),
    "sd2_unipc": ("sd2", UniPCMultistepScheduler,
                  {"prompts": [ROSE, "two cats"], "negative": "blue"}),
    "xl_euler": ("xl", None, {"prompts": [ROSE]}),
    "xl_padding": ("xl", None, {"prompts": ["Roses! #@! 5!!a"], "negative": "no!"}),
    "xl_empty_negative": ("xl", None, {"prompts": [ROSE], "negative": "", "count": 2}),
    "xl_clip_skip": ("xl", DPMSolverMultistepScheduler,
                     {"prompts": [ROSE, "two cats"], "clip_skip": 1, "height": 24, "width": 16}),
    "xl_sizes": ("xl", None, {"prompts": [ROSE, "two cats"], "negative": "blue",
                              "original": [40, 24], "crop": [3, 5], "target": [20, 28]}),
    "refiner_sizes": ("refiner", None, {"prompts": [ROSE], "picture": [16, 24], "strength": 0.5,
                                        "original": [40, 24], "crop": [3, 5]}),
    "lcm": ("lcm", None, {"prompts": [ROSE], "scale": 8.0}),
    "lcm_own": ("lcm_own", None, {"prompts": [ROSE]}),
    "lcm_own_from_picture": ("lcm_own", None, {
        "prompts": [ROSE], "picture": [24, 16], "strength": 0.33, "count": 2}),
    "lcm_own_from_odd_picture": ("lcm_own", None, {
        "prompts": [ROSE, "two cats"], "picture": [21, 19], "scale": 3.0}),
    "sd1_from_picture": ("sd1", DDIMScheduler,
                         {"prompts": [ROSE], "picture": [24, 16], "strength": 0.7, "count": 2}),
    "sd1_from_picture_pndm": ("sd1", None, {"prompts": [ROSE], "picture": [24, 16]}),
    "sd1_from_odd_picture": ("sd1", EulerAncestralDiscreteScheduler,
                             {"prompts": [ROSE], "picture": [21, 19]}),
    "xl_from_picture": ("xl", None, {"prompts": [ROSE], "picture": [16, 16], "strength": 0.5}),
    "refiner": ("refiner", None, {"prompts": [ROSE], "picture": [16, 24], "strength": 0.5,
                                  "negative": "blue"}),
    "sd1_tiled": ("sd1", DDIMScheduler, {"prompts": [ROSE], "tiled": True,
                                         "height": 24, "width": 40, "count": 2}),
    "sd1_tiled_from_picture": ("sd1", DDIMScheduler, {"prompts": [ROSE], "tiled": True,
                                                      "picture": [44, 26]}),
    "sd1_lms": ("sd1", LMSDiscreteScheduler, {"prompts": [ROSE]}),
    "sd1_ddpm": ("sd1", DDPMScheduler, {"prompts": [ROSE], "count": 2}),
    "sd1_singlestep": ("sd1", DPMSolverSinglestepScheduler, {"prompts": [ROSE]}),
    "sd2_lms": ("sd2", LMSDiscreteScheduler, {"prompts": [ROSE]}),
    "xl_ddpm": ("xl", DDPMScheduler, {"prompts": [ROSE]}),
    "sd1_mask": ("sd1", None, {"prompts": [ROSE], "picture": [16, 16], "mask": [16, 16]}),
    "sd1_mask_ddim": ("sd1", DDIMScheduler, {
        "prompts": [ROSE, "two cats"], "picture": [21, 19], "mask": [21, 19], "strength": 0.6,
        "count": 2, "height": 16, "width": 24}),
    "sd1_mask_euler_ancestral": ("sd1", EulerAncestralDiscreteScheduler, {
        "prompts": [ROSE], "picture": [16, 24], "mask": [16, 16], "count": 2}),
    "sd1_mask_heun": ("sd1", HeunDiscreteScheduler, {
        "prompts": [ROSE], "picture": [16, 16], "mask": [16, 16], "strength": 0.7}),
    "sd1_mask_dpmsolver": ("sd1", DPMSolverMultistepScheduler, {
        "prompts": [ROSE], "picture": [16, 16], "mask": [16, 16], "scale": 1.0}),
    "sd1_mask_lms": ("sd1", LMSDiscreteScheduler, {
        "prompts": [ROSE], "picture": [16, 16], "mask": [16, 16], "negative": "blue"}),
    "sd2_mask_unipc": ("sd2", UniPCMultistepScheduler, {
        "prompts": [ROSE], "picture": [16, 16], "mask": [16, 16], "strength": 0.6}),
    "xl_mask": ("xl", None, {"prompts": [ROSE], "picture": [16, 16], "mask": [16, 16]}),
    "xl_mask_ancestral": ("xl", EulerAncestralDiscreteScheduler, {
        "prompts": [ROSE], "picture": [24, 16], "mask": [24, 16], "count": 2, "strength": 1.0,
        "negative": "blue", "height": 24, "width": 16}),
    "sd1_masks": ("sd1_masks", None, {"prompts": [ROSE], "picture": [16, 16], "mask": [16, 16]}),
    "sd1_masks_ddim": ("sd1_masks", DDIMScheduler, {
        "prompts": [ROSE], "picture": [21, 19], "mask": [21, 19], "strength": 0.6, "count": 2}),
    "sd1_masks_ancestral": ("sd1_masks", EulerAncestralDiscreteScheduler, {
        "prompts": [ROSE, "two cats"], "picture": [16, 16], "mask": [16, 16], "clip_skip": 1}),
    "sd1_masks_without": ("sd1_masks", EulerAncestralDiscreteScheduler, {
        "prompts": [ROSE], "without": True}),
    "xl_masks": ("xl_masks", None, {"prompts": [ROSE], "picture": [16, 16], "mask": [16, 16]}),
    "xl_masks_dpmsolver": ("xl_masks", DPMSolverMultistepScheduler, {
        "prompts": [ROSE], "picture": [16, 24], "mask": [16, 24], "strength": 1.0, "scale": 5.0,
        "rescale": 0.5}),
    "xl_refined": ("xl", None, {"prompts": [ROSE], "refiner": 0.6}),
    "xl_refined_ancestral": ("xl", EulerAncestralDiscreteScheduler, {
        "prompts": [ROSE, "two cats"], "count": 2, "negative": "blue", "refiner": 0.5,
        "height": 24, "width": 16}),
    "xl_refined_heun": ("xl", HeunDiscreteScheduler, {"prompts": [ROSE], "refiner": 0.7}),
    "xl_refined_dpmsolver": ("xl", DPMSolverMultistepScheduler, {
        "prompts": [ROSE], "refiner": 0.4, "scale": 3.0}),
}


def mask(width, height):
    """A grey slope and a white circle: parts of it are cut at one half."""
    x = torch.arange(width).expand(height, -1) * 255 // (2 * width)
    image = Image.fromarray(x.to(torch.uint8).numpy())
    ImageDraw.Draw(image).ellipse((width // 3, 2, width - 3, height - 5), fill=255)
    image.save(golden.GOLDEN / f"sd_mask_{width}x{height}.png")
    return image


def picture(width, height):
    """Colours that rise and fall, as a PNG file that the tests read, too."""
    x, y = torch.meshgrid(torch.arange(width), torch.arange(height), indexing="xy")
    colours = torch.stack([x * 9 % 256, y * 13 % 256, (x * y * 3 + 40) % 256], -1)
    image = Image.fromarray(colours.to(torch.uint8).numpy())
    image.save(golden.GOLDEN / f"sd_picture_{width}x{height}.png")
    return image


STARTED = {LatentConsistencyModelPipeline: LatentConsistencyModelImg2ImgPipeline,
           StableDiffusionPipeline: StableDiffusionImg2ImgPipeline,
           StableDiffusionXLPipeline: StableDiffusionXLImg2ImgPipeline,
           StableDiffusionXLImg2ImgPipeline: StableDiffusionXLImg2ImgPipeline}
COMPLETED = {StableDiffusionPipeline: StableDiffusionInpaintPipeline,
             StableDiffusionInpaintPipeline: StableDiffusionInpaintPipeline,
             StableDiffusionXLPipeline: StableDiffusionXLInpaintPipeline,
             StableDiffusionXLInpaintPipeline: StableDiffusionXLInpaintPipeline}
START_KEYS = {LatentConsistencyModelPipeline: {"requires_safety_checker": False},
              StableDiffusionPipeline: {"requires_safety_checker": False},
              StableDiffusionInpaintPipeline: {"requires_safety_checker": False},
              StableDiffusionXLImg2ImgPipeline: {"requires_aesthetics_score": True,
                                                 "force_zeros_for_empty_prompt": False}}


def unprefixed(pipe):
    """transformers 5.6 has flattened what diffusers' clip_skip looks for."""
    encoder = pipe.text_encoder
    if encoder is not None and not hasattr(encoder, "text_model"):
        encoder.text_model = SimpleNamespace(final_layer_norm=encoder.final_layer_norm)


def draw(pipe, own, other, options, refiner=None):
    # Latents are never clipped, whatever a class that does not say so would do.
    unclipped = {"clip_sample": False} if other in (DDIMScheduler, DDPMScheduler) else {}
    pipe.scheduler = own if other is None else other.from_config(own.config, **unclipped)
    unprefixed(pipe)
    arguments = {"prompt": options["prompts"], "num_inference_steps": 6, "output_type": "pt",
                 "num_images_per_prompt": options.get("count", 1),
                 "height": options.get("height", 16), "width": options.get("width", 16),
                 "generator": torch.Generator().manual_seed(7)}
    if "negative" in options:
        arguments["negative_prompt"] = [options["negative"]] * len(options["prompts"])
    for ours, theirs in (("scale", "guidance_scale"), ("rescale", "guidance_rescale"),
                         ("clip_skip", "clip_skip"), ("eta", "eta")):
        if ours in options:
            arguments[theirs] = options[ours]
    for ours, theirs in (("original", "original_size"), ("crop", "crops_coords_top_left"),
                         ("target", "target_size")):
        if ours in options:
            arguments[theirs] = tuple(options[ours])
    if "mask" in options or "without" in options:
        pipe = COMPLETED[type(pipe)](**pipe.components, **START_KEYS.get(type(pipe), {}))
        pipe.set_progress_bar_config(disable=True)
        # Without a picture everything is drawn anew: a white mask hides any picture.
        arguments["image"] = picture(*options.get("picture", [16, 16]))
        arguments["mask_image"] = (mask(*options["mask"]) if "mask" in options
                                   else Image.new("L", (16, 16), 255))
        if "strength" in options:
            arguments["strength"] = options["strength"]
    elif "picture" in options:
        pipe = STARTED[type(pipe)](**pipe.components, **START_KEYS.get(type(pipe), {}))
        pipe.set_progress_bar_config(disable=True)
        arguments["image"] = picture(*options["picture"])
        del arguments["height"], arguments["width"]
        if "strength" in options:
            arguments["strength"] = options["strength"]
    pipe.vae.use_tiling = options.get("tiled", False)
    pictures, latents = [], []
    decode = pipe.vae.decode

    def watched(z, **keys):
        latents.append(z)
        pictures.append(decode(z, return_dict=False)[0])
        return (pictures[-1],)
    pipe.vae.decode = watched
    with torch.no_grad():
        if "refiner" in options:
            part = options["refiner"]
            unfinished = pipe(**arguments | {"output_type": "latent"}, denoising_end=part).images
            refiner.scheduler = (refiner.scheduler if other is None
                                 else other.from_config(refiner.scheduler.config, **unclipped))
            refiner.vae.decode, pipe.vae.decode, decode = watched, decode, refiner.vae.decode
            del arguments["height"], arguments["width"]
            refiner(**arguments, image=unfinished, denoising_start=part)
            pipe = refiner
        else:
            pipe(**arguments)
    pipe.vae.decode = decode
    return pictures[0], latents[0] * pipe.vae.config.scaling_factor


def main():
    made, document, tensors = families(), [], {}
    own = {name: pipe.scheduler for name, (_, pipe) in made.items()}
    for name, (of, other, options) in CASES.items():
        pictures, latents = draw(made[of][1], own[of], other, options, made["refiner"][1])
        made["refiner"][1].scheduler = own["refiner"]
        print(f"{name:22} std {pictures.std():.3f} of latents {latents.std():.3f}")
        document.append({"name": name, "family": of, "options": options,
                         "scheduler": None if other is None else other.__name__})
        tensors[name + ".images"], tensors[name + ".latents"] = pictures, latents
    golden.write("stable_diffusion_pipelines", {
        "weights_rule": RULE,
        "families": [dict(name=name, **part) for name, (part, _) in made.items()],
        "cases": document}, tensors)


if __name__ == "__main__":
    main()
