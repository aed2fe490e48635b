"""The LoRA files that Sfumato writes, and pictures that diffusers draws with them: golden/lora/written.

torch 2.13.0 (CPU), diffusers 0.40.0.dev0, commit 58eb52c0803ea9af3abec60841c2a093bdf1f951, peft 0.18.
Run: PYTHONPATH=<diffusers>/src:<peft>/src python reference/lora_written.py

The matrices of the layers of one kind of model are drawn from one generator, seeded with 21, in the order of
the layers' names: "down" is randn / r, "up" is randn * 0.03. The golden document holds names and shapes of the
tensors and the header, in diffusers' form and in that of kohya's scripts. diffusers reads both files without a
warning and draws the same picture as with an adapter that PEFT was given directly.

With a directory as argument that Sfumato's test has written, the script checks those files instead:
    python reference/lora_written.py DIR
"""

import json
import sys
import tempfile
from pathlib import Path

import golden
import torch
from lora import ATTENTION, sgm
from peft import LoraConfig
from safetensors.torch import load_file, save_file
from safetensors import safe_open
from stable_diffusion_pipelines import ROSE, draw, families

ALL = ATTENTION + ["proj_in", "proj_out", "ff.net.0.proj", "ff.net.2"]
CONV = ALL + ["conv1", "conv2", "conv_shortcut"]
TEXT = ["q_proj", "k_proj", "v_proj", "out_proj"]
TEXT_ALL = TEXT + ["fc1", "fc2"]
CASES = {"sd1": ("attention", 4, 4, ATTENTION, None), "sd1_all": ("all", 2, 6, ALL, TEXT_ALL),
         "sd1_conv": ("conv", 2, 3, CONV, None), "sd2_all": ("all", 2, 1, ALL, TEXT_ALL),
         "xl_all": ("all", 2, 6, ALL, TEXT_ALL)}


def parts(pipe, texts):
    found = {"unet": pipe.unet}
    for part in ("text_encoder", "text_encoder_2"):
        if texts and getattr(pipe, part, None) is not None:
            found[part] = getattr(pipe, part)
    return found


def matrices(pipe, case):
    """Gives PEFT the adapters and returns their layers by full name, in the order of the names."""
    _, rank, alpha, targets, texts = case
    layers = {}
    for part, model in parts(pipe, texts).items():
        model.add_adapter(LoraConfig(
            r=rank, lora_alpha=alpha, target_modules=targets if part == "unet" else texts))
        for name, layer in model.named_modules():
            if hasattr(layer, "lora_A"):
                name = "text_model." + name if part != "unet" and not name.startswith("text_model.") else name
                layers[f"{part}.{name}"] = layer
    layers = dict(sorted(layers.items()))
    generator = torch.Generator().manual_seed(21)
    with torch.no_grad():
        for layer in layers.values():
            down, up = layer.lora_A["default"].weight, layer.lora_B["default"].weight
            down.copy_(torch.randn(down.shape, generator=generator) / rank)
            up.copy_(torch.randn(up.shape, generator=generator) * 0.03)
    return layers


def diffusers_form(layers, case):
    tensors, header = {}, {}
    for name, layer in layers.items():
        part, module = name.split(".", 1)
        tensors[name + ".lora_A.weight"] = layer.lora_A["default"].weight.detach()
        tensors[name + ".lora_B.weight"] = layer.lora_B["default"].weight.detach()
        header |= {f"{part}.r": case[1], f"{part}.lora_alpha": float(case[2])}
        header.setdefault(f"{part}.target_modules", set()).add(
            module if part == "unet" else module.rsplit(".", 1)[1])
    header = {key: sorted(value) if isinstance(value, set) else value for key, value in sorted(header.items())}
    return tensors, {"format": "pt", "lora_adapter_metadata": json.dumps(header)}


def kohya_form(layers, case, xl):
    tensors = {}
    starts = {"unet": "lora_unet_", "text_encoder": "lora_te1_" if xl else "lora_te_", "text_encoder_2": "lora_te2_"}
    for name, layer in layers.items():
        part, module = name.split(".", 1)
        flat = starts[part] + (sgm(module) if xl and part == "unet" else module).replace(".", "_")
        tensors[flat + ".lora_down.weight"] = layer.lora_A["default"].weight.detach()
        tensors[flat + ".lora_up.weight"] = layer.lora_B["default"].weight.detach()
        tensors[flat + ".alpha"] = torch.tensor(float(case[2]))
    return tensors


def drawn(pipe):
    return draw(pipe, pipe.scheduler, None, {"prompts": [ROSE], "scale": 3.0})[0].detach()


def read_back(pipe, file, expected, what):
    pipe.load_lora_weights(file.parent, weight_name=file.name)
    picture = drawn(pipe)
    pipe.unload_lora_weights()
    difference = (picture - expected).abs().max().item()
    print(f"  {what}: {difference:.1e}")
    return difference


def main():
    pictures, document = {}, []
    for name, case in CASES.items():
        family = name.split("_")[0]
        pipe = families()[family][1]
        plain = drawn(pipe)
        layers = matrices(pipe, case)
        pictures[name] = drawn(pipe)
        print(name, len(layers), "layers, they change the picture by", (pictures[name] - plain).abs().max().item())
        forms = {"diffusers": diffusers_form(layers, case), "kohya": (kohya_form(layers, case, family == "xl"), {})}
        for part in parts(pipe, True).values():
            if getattr(part, "peft_config", None):
                part.delete_adapter("default") if hasattr(part, "delete_adapter") else part.delete_adapters("default")
        entry = {"name": name, "family": family, "targets": case[0], "rank": case[1], "alpha": case[2],
                 "texts": case[4] is not None}
        for form, (tensors, header) in forms.items():
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "lora.safetensors"
                save_file({key: value.contiguous() for key, value in tensors.items()}, file, header or None)
                # Of kohya's form diffusers reads convolutions and XL's blocks of real sizes only.
                if form == "diffusers" or name == "sd1":
                    assert read_back(pipe, file, pictures[name], form) < 1e-5
            entry[form] = {key: list(value.shape) for key, value in sorted(tensors.items())}
        entry["header"] = json.loads(forms["diffusers"][1]["lora_adapter_metadata"])
        document.append(entry)
    golden.write("lora/written", {"cases": document}, pictures)


def check(folder):
    """Reads the files that LoraWriterTest has written."""
    expected = load_file(golden.GOLDEN / "lora/written.safetensors")
    for name in CASES:
        pipe = families()[name.split("_")[0]][1]
        print(name)
        assert read_back(pipe, folder / f"{name}.safetensors", expected[name], "written by Sfumato") < 1e-3
        with safe_open(folder / f"{name}.safetensors", "pt") as file:
            print("  ", len(file.keys()), "tensors")
        kohya = folder / f"{name}-kohya.safetensors"
        try:
            read_back(families()[name.split("_")[0]][1], kohya, expected[name], "kohya")
        except Exception as e:  # small models have blocks that diffusers' table of names lacks
            print("  kohya: diffusers says", type(e).__name__, str(e)[:100])


if __name__ == "__main__":
    check(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
