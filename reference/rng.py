"""Goldens of the CPU generator: streams of randn, rand, randint and randperm, and its state.

torch 2.13.0 (CPU), diffusers 0.40.0.dev0, commit 58eb52c0803ea9af3abec60841c2a093bdf1f951.
Run: PYTHONPATH=<diffusers>/src python reference/rng.py

A stream is a list of draws from one generator; draw i is stored as `<stream>.<i>` (float32, or
int64 for randint and randperm). A draw is {"op", "shape"}, with "low" and "high" (exclusive) for
randint and "n" for randperm. "save" stores the generator's state (uint8) as `<stream>.<i>`: a fresh
generator given that state continues with the draws that follow.
"""

import torch

import golden

SEEDS = {"0": 0, "42": 42, "large": 2**40 + 7}


def randn(*shape):
    return {"op": "randn", "shape": shape}


def rand(*shape):
    return {"op": "rand", "shape": shape}


def randint(high, *shape, low=0):
    return {"op": "randint", "shape": shape, "low": low, "high": high}


def randperm(n):
    return {"op": "randperm", "n": n}


SAVE = {"op": "save"}
STREAMS = {
    "randn": [randn(1), randn(2), randn(7), randn(15), randn(16), randn(17), randn(31), randn(2, 3, 5, 7),
              randn(33), randn(1, 1, 28, 28)],
    "rand": [rand(1), rand(7), rand(15), rand(16), rand(17), rand(3, 11), rand(257)],
    "randint": [randint(2, 5), randint(1000, 1), randint(1000, 128), randint(10, 3, 5),
                randint(50, 17, low=-50), randint(2**31 - 1, 9), randint(2**32 - 1, 9),
                randint(2**40, 9), randint(2**62, 5)],
    "randperm": [randperm(0), randperm(1), randperm(2), randperm(16), randperm(100), randperm(1000)],
    "training": [draw for _ in range(3) for draw in (randn(4, 1, 6, 6), randint(1000, 4))]
                + [randn(3, 1, 2, 2), randint(1000, 3)],
    "mixed": [randn(3), rand(2), randn(1), randint(7, 3), randn(20), randn(5), randperm(9), rand(16),
              randn(1), randn(1)],
    "state": [randn(3), SAVE, randn(1), randn(16), SAVE, rand(5), randint(1000, 4), SAVE,
              randperm(12), randn(6)],
}


def drawn(draw, generator):
    match draw["op"]:
        case "randn":
            return torch.randn(draw["shape"], generator=generator)
        case "rand":
            return torch.rand(draw["shape"], generator=generator)
        case "randint":
            return torch.randint(draw["low"], draw["high"], draw["shape"], generator=generator)
        case "randperm":
            return torch.randperm(draw["n"], generator=generator)
        case "save":
            return generator.get_state()


def check_state(draws, results):
    """A saved state continues the stream."""
    for start, draw in enumerate(draws):
        if draw["op"] == "save":
            generator = torch.Generator()
            generator.set_state(results[start])
            for later, expected in zip(draws[start + 1:], results[start + 1:]):
                assert torch.equal(drawn(later, generator), expected)


def main():
    streams, tensors = [], {}
    for label, seed in SEEDS.items():
        for name, draws in STREAMS.items():
            generator = torch.Generator().manual_seed(seed)
            results = [drawn(draw, generator) for draw in draws]
            check_state(draws, results)
            key = f"{name}.{label}"
            streams.append({"name": key, "seed": seed, "draws": draws})
            tensors |= {f"{key}.{i}": result for i, result in enumerate(results)}
    golden.write("rng", {"streams": streams}, tensors)


main()
