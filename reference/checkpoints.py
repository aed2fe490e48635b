"""Checkpoints in the various forms that torch.save writes: golden/checkpoints/*.pt.

torch 2.13.0 (CPU), safetensors 0.8.0. Run: python reference/checkpoints.py

protocol2.pt and protocol5.pt are zip files with these pickle protocols, legacy.pt has the format before zip;
training.pt and training-legacy.pt are whole training states whose "state_dict" is read. lightning.pt has
beside it what PyTorch Lightning notes: classes and numbers of NumPy.
expected.safetensors holds the tensors that each of them gives, in all types.
"""

import sys
import types
from collections import OrderedDict
from pathlib import Path

import numpy
import torch
from safetensors.torch import save_file

HOME = Path(__file__).parent.parent / "core/src/test/resources/golden/checkpoints"
TYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32,
         torch.int16, torch.int8, torch.uint8, torch.bool]


def state_dict():
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    state = OrderedDict(
        base=base,
        transposed=base.t(),
        part=base[1:3, 2:5],
        expanded=torch.tensor([1.0, 2.0]).expand(3, 2),
        parameter=torch.nn.Parameter(torch.linspace(-1, 1, 5)),
        scalar=torch.tensor(2.5),
        empty=torch.zeros(0, 3),
        channels_last=torch.arange(48.0).reshape(1, 3, 4, 4).to(memory_format=torch.channels_last),
    )
    for dtype in TYPES:
        state[f"types.{str(dtype).removeprefix('torch.')}"] = torch.tensor([0, 1, 0, 100, 7]).to(dtype)
    state._metadata = OrderedDict(version=1)
    return state


def training_state(state):
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.Adam([weight])
    weight.sum().backward()
    optimizer.step()
    return {"epoch": 3, "big": 2**70, "negative": -5, "rate": 1e-3, "done": False, "nothing": None,
            "name": "größe", "optimizer": optimizer.state_dict(), "state_dict": state}


def lightning(whole):
    module = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    module.ModelCheckpoint = type("ModelCheckpoint", (), {"__module__": module.__name__})
    for name in ("pytorch_lightning", "pytorch_lightning.callbacks", module.__name__):
        sys.modules[name] = module
    notes = {"best_model_score": numpy.float32(0.5), "current_score": numpy.float64(0.25)}
    return whole | {"callbacks": {module.ModelCheckpoint: notes}, "hparams_name": None}


def main():
    HOME.mkdir(parents=True, exist_ok=True)
    state = state_dict()
    whole = training_state(state)
    torch.save(state, HOME / "protocol2.pt")
    torch.save(state, HOME / "protocol5.pt", pickle_protocol=5)
    torch.save(state, HOME / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(whole, HOME / "training.pt")
    torch.save(whole, HOME / "training-legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(lightning(whole), HOME / "lightning.pt")
    tensors = {name: tensor.detach().contiguous().clone() for name, tensor in state.items()}
    save_file(tensors, HOME / "expected.safetensors", {"format": "pt", "note": 'quotes " and ü'})
    for path in HOME.iterdir():
        path.chmod(0o644)


main()
