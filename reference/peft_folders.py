"""Folders that PEFT's save_pretrained writes, and a picture drawn with them live: golden/lora.

A U-Net and a text encoder of reference/stable_diffusion_pipelines.py, each with an adapter of its
own: rank-stabilised (alpha / sqrt(r)) for the U-Net, in which a layer has a rank and an alpha of
its own, and plain (alpha / r) for the text encoder. Two more are for the two text encoders of an XL
model, which have the same layers and shapes: only the settings tell one from the other.
Made with peft 0.20.1.dev0 at commit 5d602fdbff04c33c1c4de55cda9d4ae1d7cb7e40, at the versions of
reference/golden.py.
"""

import golden
import torch
from lora import FOLDER, QUERY
from peft import LoraConfig, get_peft_model
from stable_diffusion_pipelines import ROSE, draw, families

UNET = LoraConfig(r=2, lora_alpha=3, use_rslora=True, target_modules=["to_q", "to_v", "conv1"],
                  rank_pattern={"mid_block.resnets.0.conv1": 3},
                  alpha_pattern={"mid_block.attentions.0.transformer_blocks.0.attn1.to_q": 5})
TEXT = LoraConfig(r=2, lora_alpha=6, target_modules=["q_proj", "out_proj", "fc1"])
TEXTS = {"text_encoder": LoraConfig(r=2, lora_alpha=4, target_modules=["k_proj", "fc2"]),
         "text_encoder_2": LoraConfig(r=3, lora_alpha=3, target_modules=["v_proj", "fc2"])}


def adapted(model, config, seed, folder):
    generator = torch.Generator().manual_seed(seed)
    model = get_peft_model(model, config)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if ".lora_" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.15)
    model.save_pretrained(FOLDER / folder)
    (FOLDER / folder / "README.md").unlink()
    for file in (FOLDER / folder).iterdir():
        file.chmod(0o644)
    return model


def main():
    made = families()
    pipe, xl = made["sd1"][1], made["xl"][1]
    unet = adapted(pipe.unet, UNET, 43, "peft_unet")
    adapted(pipe.text_encoder, TEXT, 44, "peft_text_encoder")  # layers are replaced in place
    with torch.no_grad():
        tensors = {"picture": draw(pipe, pipe.scheduler, None, {"prompts": [ROSE], "scale": 3.0})[0]}
    for seed, (part, config) in enumerate(TEXTS.items(), 45):
        adapted(getattr(xl, part), config, seed, "peft_xl_" + part)
    with torch.no_grad():
        tensors["xl_picture"] = draw(xl, xl.scheduler, None, {"prompts": [ROSE], "scale": 3.0})[0]
    tensors[QUERY] = unet.merge_and_unload().state_dict()[QUERY].clone()
    golden.write("lora/peft_folders", {}, tensors)


if __name__ == "__main__":
    main()
