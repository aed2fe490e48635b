"""LoRA files in the forms that are about, and pictures drawn with them: golden/lora.

One LoRA of attention and one of more layers (convolutions, feed-forward, projections), for the small
models of reference/stable_diffusion_pipelines.py. diffusers reads the form with metadata, fuses it at
scale 0.7 and draws; the other forms hold the same numbers, and where alpha has no place, it is
multiplied into "up".
"""

import json

import golden
import torch
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from stable_diffusion_pipelines import ROSE, draw, families

FOLDER = golden.GOLDEN / "lora"
RANK, ALPHA, SCALE = 2, 6, 0.7
ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
MORE = ATTENTION + ["proj_in", "ff.net.0.proj", "conv1", "conv_shortcut", "time_emb_proj", "conv_in"]
TEXT = ["q_proj", "v_proj", "out_proj", "fc1"]
QUERY = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight"


def adapt(model, targets, generator):
    model.add_adapter(LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=targets))
    state = get_peft_model_state_dict(model)
    return {name: torch.randn(value.shape, generator=generator) * 0.15
            for name, value in sorted(state.items())}


def prefixed(part, state):
    """Text encoders of files have text_model., which transformers 5.6 has dropped."""
    inner = "text_model." if part.startswith("text_encoder") else ""
    return {f"{part}.{inner}{name}" if not name.startswith("text_model.") else f"{part}.{name}":
            value for name, value in state.items()}


def metadata(parts, targets):
    entries = {}
    for part in parts:
        entries |= {f"{part}.r": RANK, f"{part}.lora_alpha": ALPHA,
                    f"{part}.target_modules": targets if part == "unet" else TEXT}
    return {"format": "pt", "lora_adapter_metadata": json.dumps(entries, sort_keys=True)}


def folded(state):
    return {name: value * (ALPHA / RANK) if ".lora_B." in name else value
            for name, value in state.items()}


def old(state):
    """What diffusers' own scripts write: no alpha."""
    renamed = {}
    for name, value in folded(state).items():
        kind = "lora_linear_layer" if name.startswith("text_encoder") else "lora"
        renamed[name.replace(".lora_A.", f".{kind}.down.").replace(".lora_B.", f".{kind}.up.")] = value
    return renamed


def processors(state):
    """The oldest form: a processor of each attention holds the layers."""
    renamed = {}
    for name, value in folded(state).items():
        for layer in ("to_q", "to_k", "to_v", "to_out.0"):
            plain = layer.removesuffix(".0")
            name = name.replace(f".{layer}.lora_A.", f".processor.{plain}_lora.down.")
            name = name.replace(f".{layer}.lora_B.", f".processor.{plain}_lora.up.")
        renamed[name.removeprefix("unet.")] = value
    return renamed


def kohya(state, names=lambda layer: layer):
    renamed = {}
    starts = {"unet": "lora_unet_", "text_encoder": "lora_te_", "text_encoder_2": "lora_te2_"}
    for name, value in state.items():
        part, layer = name.split(".", 1)
        start = starts[part]
        if "text_encoder_2" in {n.split(".")[0] for n in state} and part == "text_encoder":
            start = "lora_te1_"
        layer, end = layer.split(".lora_")
        flat = start + names(layer).replace(".", "_")
        renamed[f"{flat}.lora_{'down' if end[0] == 'A' else 'up'}.weight"] = value
        renamed[f"{flat}.alpha"] = torch.tensor(float(ALPHA))
    return renamed


def sgm(layer):
    """The original names of the small XL's blocks: one layer and two levels."""
    for ours, theirs in (("down_blocks.1.attentions.0", "input_blocks.3.1"),
                         ("mid_block.attentions.0", "middle_block.1"),
                         ("up_blocks.0.attentions.0", "output_blocks.0.1"),
                         ("up_blocks.0.attentions.1", "output_blocks.1.1")):
        layer = layer.replace(ours, theirs)
    return layer


def model(kind, pipe, targets, seed):
    generator = torch.Generator().manual_seed(seed)
    state = prefixed("unet", adapt(pipe.unet, targets, generator))
    parts = ["unet"]
    for part in ("text_encoder", "text_encoder_2"):
        encoder = getattr(pipe, part, None)
        if encoder is not None:
            state |= prefixed(part, adapt(encoder, TEXT, generator))
            parts.append(part)
    pipe.unet.delete_adapters("default")
    for part in parts[1:]:
        getattr(pipe, part).delete_adapter("default")
    write(f"{kind}_peft", state, metadata(parts, targets))  # removed again if it is large
    return state


def write(name, state, meta=None):
    state = {key: value.contiguous() for key, value in state.items()}
    file = FOLDER / f"{name}.safetensors"
    save_file(state, file, meta or {"format": "pt"})
    file.chmod(0o644)


def drawn(pipe, name, tensors):
    pipe.load_lora_weights(FOLDER, weight_name=f"{name}_peft.safetensors")
    pipe.fuse_lora(lora_scale=SCALE)
    pipe.unload_lora_weights()
    with torch.no_grad():
        tensors[name] = draw(pipe, pipe.scheduler, None, {"prompts": [ROSE], "scale": 3.0})[0]
    tensors[f"{name}.{QUERY}"] = pipe.unet.state_dict()[QUERY].detach().clone()


def main():
    FOLDER.mkdir(exist_ok=True)
    tensors = {}
    pipe = families()["sd1"][1]
    attention = model("sd1", pipe, ATTENTION, 40)
    write("sd1_old", old(attention))
    write("sd1_processors", {k: v for k, v in processors(attention).items() if "text_" not in k}
          | {k: v for k, v in old(attention).items() if k.startswith("text_")})
    write("sd1_kohya", kohya(attention))
    drawn(pipe, "sd1", tensors)
    pipe = families()["sd1"][1]
    more = model("sd1_more", pipe, MORE, 41)
    write("sd1_more_kohya", kohya(more))
    drawn(pipe, "sd1_more", tensors)
    pipe = families()["xl"][1]
    xl = model("xl", pipe, ATTENTION, 42)
    write("xl_sgm", kohya(xl, sgm))
    drawn(pipe, "xl", tensors)
    for kind in ("sd1_more", "xl"):
        (FOLDER / f"{kind}_peft.safetensors").unlink()
    golden.write("lora/pictures", {"scale": SCALE}, tensors)


if __name__ == "__main__":
    main()
