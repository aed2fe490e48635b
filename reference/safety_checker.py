"""A small safety checker and what it says: golden/safety_checker and golden/safety_checker.*.

The checker stands in its folder as diffusers saves it (transformers 5.18.0). Its thresholds are set
for four pictures that the model `sd1` of reference/stable_diffusion_pipelines.py draws: one passes,
one is flagged only because a concept of special care makes the rest stricter, others are flagged
by themselves. Pictures are resized by Pillow; torchvision differs by a level here and there. Scores
are rounded to three decimals; the script refuses values near a tie.

Run: PYTHONPATH=<diffusers>/src python reference/safety_checker.py
"""

import golden
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion.safety_checker import (
    StableDiffusionSafetyChecker, cosine_distance)
from stable_diffusion import fill
from stable_diffusion_pipelines import ROSE, families
from transformers import CLIPConfig, CLIPImageProcessorPil

HOME = golden.GOLDEN / "safety_checker"
VISION = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
          "num_attention_heads": 4, "image_size": 20, "patch_size": 5, "projection_dim": 24}
MARGIN, STRICTER = 0.004, 0.01


def checker(seed):
    config = CLIPConfig(projection_dim=24, vision_config=VISION,
                        text_config={"hidden_size": 8, "num_hidden_layers": 1, "vocab_size": 9,
                                     "num_attention_heads": 1, "intermediate_size": 8})
    model = StableDiffusionSafetyChecker(config).eval()
    fill(model, seed)
    return model


def cosines(model, inputs):
    with torch.no_grad():
        features = model.visual_projection(model.vision_model(inputs)[1])
        return (cosine_distance(features, model.special_care_embeds),
                cosine_distance(features, model.concept_embeds))


def set_thresholds(model, special, concepts):
    """Returns the numbers of the careful picture and of one that passes."""
    order = special[:, 0].argsort(descending=True)
    careful, passing = order[0].item(), order[-1].item()
    gap = (special[careful, 0] - special[order[1], 0]).item()
    assert gap > 0.002, gap
    high = special.max(0).values + 1
    high[0] = special[careful, 0] - gap / 2
    high[1] = special[careful, 1] + STRICTER / 2  # passed only where it has become stricter
    assert (special[passing, 1] < high[1]).all()
    model.special_care_embeds_weights.data = high
    model.concept_embeds_weights.data = concepts[[careful, passing]].max(0).values + MARGIN
    return careful, passing


def far_from_ties(model, special, concepts):
    scores = torch.cat([special - model.special_care_embeds_weights,
                        concepts - model.concept_embeds_weights], 1).double() * 1000
    return ((scores % 1) - 0.5).abs().min() > 0.004


def main():
    _, pipe = families()["sd1"]
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config, clip_sample=False)
    extractor = CLIPImageProcessorPil(size={"shortest_edge": 20}, crop_size=20)
    arguments = {"prompt": ROSE, "num_images_per_prompt": 4, "num_inference_steps": 6,
                 "height": 32, "width": 24}

    def draw(output):
        pipe.vae.eval()
        return pipe(**arguments, output_type=output, generator=torch.Generator().manual_seed(7))

    plain = draw("pt").images
    inputs = extractor(pipe.image_processor.numpy_to_pil(plain.permute(0, 2, 3, 1).numpy()),
                       return_tensors="pt").pixel_values
    for seed in range(700, 900):
        model = checker(seed)
        special, concepts = cosines(model, inputs)
        try:
            careful, passing = set_thresholds(model, special, concepts)
        except AssertionError:
            continue
        pipe.safety_checker, pipe.feature_extractor = model, extractor
        drawn = draw("pt")
        flags = drawn.nsfw_content_detected
        if (far_from_ties(model, special, concepts) and flags[careful] and not flags[passing]
                and sum(flags) >= 2):
            break
    else:
        raise SystemExit("no seed gives all cases")
    special, concepts = cosines(model.double(), inputs.double())
    model.float()
    scores = [scores_of(model, s, c) for s, c in zip(special, concepts)]
    print(f"seed {seed}: flags {flags}, careful {careful}, passing {passing}")
    assert [max(c) > 0 for _, c in scores] == flags
    assert max(scores[careful][1]) <= STRICTER
    model.save_pretrained(HOME / "safety_checker")
    (HOME / "safety_checker/model.safetensors").chmod(0o644)
    extractor.save_pretrained(HOME / "feature_extractor")
    golden.write("safety_checker", {
        "flags": flags, "careful": careful, "passing": passing, "arguments": arguments,
    }, {"plain": plain, "images": drawn.images,
        "special": torch.tensor([s for s, _ in scores]),
        "concepts": torch.tensor([c for _, c in scores])})


def scores_of(model, special, concepts):
    """What diffusers' checker keeps to itself, in float64."""
    adjustment, kept = 0.0, []
    for cosine, threshold in zip(special.tolist(), model.special_care_embeds_weights.tolist()):
        kept.append(round(cosine - threshold + adjustment, 3))
        adjustment = STRICTER if kept[-1] > 0 else adjustment
    return kept, [round(cosine - threshold + adjustment, 3) for cosine, threshold
                  in zip(concepts.tolist(), model.concept_embeds_weights.tolist())]


if __name__ == "__main__":
    main()
