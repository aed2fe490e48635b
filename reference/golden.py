"""Shared code of the golden makers: the rule for weights, and the writing of goldens.

Made with Python 3.11, torch 2.13.0 (CPU), safetensors 0.8.0, numpy 2.4.6 and
diffusers 0.40.0.dev0 at commit 58eb52c0803ea9af3abec60841c2a093bdf1f951.
Run a maker from the repository's root: PYTHONPATH=<diffusers>/src python reference/NAME.py
"""

import json
import math
import platform
from pathlib import Path

import diffusers
import numpy
import torch
from safetensors.torch import save_file

torch.set_num_threads(1)

RESOURCES = {module: Path(__file__).parent.parent / module / "src/test/resources/golden"
             for module in ("core", "training")}
GOLDEN = RESOURCES["core"]
VERSIONS = {
    "python": platform.python_version(),
    "torch": torch.__version__,
    "numpy": numpy.__version__,
    "diffusers": diffusers.__version__,
    "diffusers_commit": "58eb52c0803ea9af3abec60841c2a093bdf1f951",
}
WEIGHTS_RULE = (
    "gen = torch.Generator().manual_seed(seed); for name in sorted(state_dict) (by code point): "
    "t = torch.randn(shape, generator=gen); "
    "1-D and name ends in 'weight': 1 + 0.1 * t; other 1-D: 0.1 * t; "
    "'class_embedding.weight' of num_class_embeds (2-D): t; else: t / sqrt(prod(shape[1:]))"
)


def fill(model, seed):
    """Sets the weights of `model` by WEIGHTS_RULE and returns the generator in the state after that."""
    generator = torch.Generator().manual_seed(seed)
    state = model.state_dict()
    for name in sorted(state):
        state[name] = weight(name, state[name].shape, generator)
    model.load_state_dict(state)
    return generator


def weight(name, shape, generator):
    t = torch.randn(shape, generator=generator)
    if len(shape) == 1:
        return 1 + 0.1 * t if name.endswith("weight") else 0.1 * t
    if name == "class_embedding.weight":
        return t
    return t / math.sqrt(math.prod(shape[1:]))


def config_of(saved):
    """The config in the form that `save_config` writes."""
    return json.loads(saved.to_json_string())


def lines(document):
    """JSON with one line for each entry, and for each element of an entry that is a list."""
    entries = []
    for key, value in document.items():
        if isinstance(value, list):
            value = "[\n  " + ",\n  ".join(json.dumps(element) for element in value) + "\n ]"
        else:
            value = json.dumps(value)
        entries.append(f" {json.dumps(key)}: {value}")
    return "{\n" + ",\n".join(entries) + "\n}\n"


def write(name, document, tensors, module="core"):
    """Writes golden/<name>.json and golden/<name>.safetensors after checking the numbers."""
    golden = RESOURCES[module]
    for key, tensor in tensors.items():
        if not torch.isfinite(tensor.float()).all():
            raise ValueError(f"{key} is not finite")
    path = golden / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, path)
    path.chmod(0o644)
    text = lines({"versions": VERSIONS, **document})
    (golden / f"{name}.json").write_text(text)
    print(f"{name}: {len(tensors)} tensors, {path.stat().st_size / 1024:.0f} KB, "
          f"json {len(text) / 1024:.0f} KB")
