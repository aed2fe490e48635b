"""Compares Sfumato with its Python peer, alternating in one run: ratios of medians and peaks of memory.

Run: PYTHONPATH=<diffusers>/src python bench/run.py [--rounds 5] [--steps 2] [--only a,b,...] [--device cuda] [--precision bf16|fp16]
The interpreter that runs this needs torch 2.13.0 and diffusers' dependencies; Sfumato must be built.

(a) a training step of the MNIST U-Net, batch 128    (b) a sampling step for 80 digits
(c) a sampling step of a U-Net of the shape of google/ddpm-celebahq-256, batch 1
(d) a cold process: load models/mnist, draw one digit in 10 ddim steps, save it
(e) a fine-tuning step of the network of (c), AdamW, batch 4 as 2 x 2
(f) the data pipeline alone: 128 JPEG files of 512 x 512 to batches of 16 at 256 x 256, two threads or workers
(gs), (ge) a colour guidance step of the network of (c), batch 1: by the shortcut and exactly
(h) a CLIP guidance step by the shortcut: ViT-B-32, 4 cuts, the network of (c), batch 4
(i) to (q), but for (m), read a model in float16 and compute in float32, but for (ib)
(i) a step of the shape of Stable Diffusion 1.5 at 256 px with classifier-free guidance; (ib) the same in bf16
(j) the same at 512 px without guidance    (k) decoding one picture of 512 px
(l) a step at 256 px guided by a colour through the decoder, by the shortcut
(m) a cold process: load models/faces-sd, draw one face from a text in 10 ddim steps, save it
(n) a LoRA step (rank 16, attention) of the shape of (i) at 256 px, batch 1, with cached latents and texts; (o) at 512 px
(p) a step of the whole U-Net of (i) at 256 px with gradient checkpointing; one program at a time, for their memory
(q) encoding one picture of 256 px
(r) caching a picture and its caption for training, as in a first epoch: a JPEG file of 512 x 512 is read, scaled to 256 px
    and encoded, its caption read by the text encoder of Stable Diffusion 1; --rounds 10 --steps 50 caches 500 pictures

Rows a, b, c, e, ge, i, j, n, o and p also run on a card, in bf16 and, but for ge, in fp16, and these are too large for a CPU:
(c16) the step of (c) for 16 pictures    (e16) the step of (e), batch 16
(faces) a training step of the preset faces-32 at 64 px, batch 128
Times on a card are means over --steps steps and wait for it at their end. Two more columns then have the memory of
the card in MB: what nvidia-smi (or the program that BENCH_NVIDIA_SMI names) says after a program's warm-up more than
before its start. That is the peak, with all of CUDA, since the engine gives no memory back. Nobody else may use the card.
BENCH_SFUMATO names another launcher than ./sfumato, BENCH_TEXT_MODEL a folder for the model of (i) to (q), but for (m).
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TASKS = {"a": "train-step", "b": "sample-step", "c": "celeba-step", "e": "finetune-step", "f": "data-epoch",
         "gs": "color-shortcut", "ge": "color-exact", "h": "clip-step", "i": "text-step",
         "ib": "text-step-bf16", "j": "text-step-512", "k": "decode-512", "l": "text-color-shortcut", "n": "lora-step", "o": "lora-step-512", "p": "text-finetune-step",
         "q": "encode-256", "r": "cache-picture", "c16": "celeba-step-16", "e16": "finetune-step-16", "faces": "faces-step"}
CARD = ("a", "b", "c", "c16", "e", "e16", "faces", "ge", "i", "j", "n", "o", "p")
LEARNING = ("lora-step", "lora-step-512", "text-finetune-step", "cache-picture")
TEXT = {TASKS[row] for row in ("i", "ib", "j", "k", "l", "n", "o", "p", "q", "r")}
LARGE = ("text-finetune-step",)
COLD = {"d": "first-picture", "m": "first-text-picture"}
PROMPT = "a face with green hair and glasses, blue background"


def make_pictures(name, count):
    """Gradients and waves with noise, whose JPEGs are as large as those of photographs."""
    import numpy as np
    from PIL import Image
    folder = HERE / "target" / name
    folder.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[0:512, 0:512] / 512
    for i in range(count):
        if (folder / f"{i:03}.jpg").exists():
            continue
        random = np.random.default_rng(i)
        colors = [
            sum(np.sin(2 * np.pi * (random.normal() * k * x + random.normal() * k * y) + k) / k for k in range(1, 7))
            for _ in range(3)
        ]
        picture = 128 + 50 * np.stack(colors, -1) + random.normal(0, 6, (512, 512, 1))
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(folder / f"{i:03}.jpg", quality=90)
    return folder


def make_captioned_pictures(count):
    """Pictures with a caption each, exactly as many as are asked for."""
    folder = make_pictures("captioned", count)
    for file in folder.glob("*.jpg"):
        if int(file.stem) >= count:
            file.unlink()
    captions = [json.dumps({"file_name": f"{i:03}.jpg", "text": f"waves of three colours with some noise, picture {i} of many"})
                for i in range(count)]
    (folder / "metadata.jsonl").write_text("\n".join(captions) + "\n")
    return folder


def make_text_model():
    folder = Path(os.environ.get("BENCH_TEXT_MODEL", HERE / "target/text-model"))
    if not all((folder / file).exists() for file in ("model_index.json", "reader/tokenizer/tokenizer_config.json")):
        subprocess.run([sys.executable, str(HERE / "text_model.py"), str(folder)], check=True)
    return str(folder)


class Served:
    """A program that answers lines of JSON."""

    def __init__(self, command, env=None):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def memory_mb(self):
        """Memory of the process and its children; each shared page is divided between its users."""
        rest, kilobytes = [self.process.pid], 0
        while rest:
            folder = Path(f"/proc/{rest.pop()}")
            kilobytes += next(int(line.split()[1]) for line in (folder / "smaps_rollup").open() if line.startswith("Pss:"))
            rest += (folder / f"task/{folder.name}/children").read_text().split()
        return kilobytes / 1024

    def ask(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def sfumato(name):
    """Starts our side; the launcher chooses its Java settings by the command."""
    learning = ("train-step", "finetune-step", "finetune-step-16", "faces-step", "data-epoch", *LEARNING)
    command = "train" if name in learning else "sample"
    env = dict(os.environ, SFUMATO_MAIN="dev.sfumato.bench.Peer",
               SFUMATO_CLASSPATH=str(HERE / "target/classes"))
    return Served([os.environ.get("BENCH_SFUMATO", str(ROOT / "sfumato")), command], env)


def python():
    return Served([sys.executable, str(HERE / "peer.py"), "serve"])


def card_mb():
    """The memory of all cards that is in use, by the driver; not a number without a card."""
    if os.environ.get("BENCH_DEVICE", "cpu") == "cpu":
        return math.nan
    command = [os.environ.get("BENCH_NVIDIA_SMI", "nvidia-smi"), "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return sum(float(line) for line in said.split("\n") if line.strip())
    except (OSError, subprocess.CalledProcessError, ValueError) as e:
        print(f"note: no memory of the card: {e}", file=sys.stderr)
        return math.nan


def warmed_up(start, name, steps):
    """Starts a program and runs its steps once; returns it with the card's memory that it takes."""
    before = card_mb()
    side = start()
    side.ask(run=name, steps=steps)
    return side, card_mb() - before


def compare(name, rounds, steps):
    if name == "data-epoch":
        os.environ["BENCH_PICTURES"] = str(make_pictures("pictures", 128))
    if name == "cache-picture":  # each is cached once; some before the first round
        os.environ["BENCH_PICTURES"] = str(make_captioned_pictures(max(2, steps) + rounds * steps))
    if name in TEXT:
        os.environ["BENCH_TEXT_MODEL"] = make_text_model()
    if name in LARGE and os.environ["BENCH_DEVICE"] == "cpu":
        return one_at_a_time(name, rounds, steps)
    (ours, our_card), (theirs, their_card) = (
        warmed_up(start, name, max(2, steps)) for start in (lambda: sfumato(name), python))
    seconds, memory = {ours: [], theirs: []}, {ours: 0, theirs: 0}
    for _ in range(rounds):
        for side in (ours, theirs):
            seconds[side] += side.ask(run=name, steps=steps)["seconds"]
            memory[side] = max(memory[side], side.memory_mb())
    medians = [statistics.median(seconds[side]) for side in (ours, theirs)]
    peaks = [side.ask(exit=True)["peak_rss_mb"] for side in (ours, theirs)]
    if name == "data-epoch":  # Python's workers are separate processes
        peaks = list(memory.values())
    return medians, peaks, [our_card, their_card]


def one_at_a_time(name, rounds, steps):
    """For programs that do not fit into memory together: they alternate as whole processes."""
    seconds, peaks = ([], []), [0, 0]
    for _ in range(rounds):
        for i, start in enumerate((lambda: sfumato(name), python)):
            side = start()
            side.ask(run=name, steps=1)  # warm-up
            seconds[i].extend(side.ask(run=name, steps=steps)["seconds"])
            peaks[i] = max(peaks[i], side.ask(exit=True)["peak_rss_mb"])
    return [statistics.median(s) for s in seconds], peaks, [math.nan, math.nan]


def cold(name, rounds):
    """(d), (m): both from the start of the process to its end; Python with as few imports as possible."""
    out = tempfile.mkdtemp()
    if name == "first-picture":
        model, asked, lean = str(ROOT / "models/mnist"), ["--class", "7"], ["--lean"]
    else:
        model, asked, lean = str(ROOT / "models/faces-sd"), ["--prompt", PROMPT], []
    commands = [
        [str(ROOT / "sfumato"), "sample", "--model", model, *asked, "--scheduler", "ddim",
         "--steps", "10", "--out", f"{out}/ours.png"],
        [sys.executable, str(HERE / "peer.py"), name, *lean, "--model", model, *asked,
         "--out", f"{out}/theirs.png"],
    ]
    seconds, peaks = ([], []), [0, 0]
    for i in range(rounds + 1):
        for side, command in enumerate(commands):
            start = time.perf_counter()
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            if status:
                sys.exit(f"failed: {' '.join(command)}")
            if i > 0:
                seconds[side].append(time.perf_counter() - start)
            peaks[side] = max(peaks[side], usage.ru_maxrss / 1024)
    return [statistics.median(s) for s in seconds], peaks, [math.nan, math.nan]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--only", default="a,b,c,d,e,f,gs,ge,h")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["fp32", "bf16", "fp16"], default="fp32")
    options = parser.parse_args()
    rows = options.only.split(",")
    if (options.device, options.precision) != ("cpu", "fp32") and set(rows) - set(CARD):
        parser.error(f"on a card, in bf16 and in fp16 there are only the rows {','.join(CARD)}")
    if options.precision == "fp16" and "ge" in rows:
        parser.error("no exact gradient in fp16: leave the row ge out")
    os.environ.update(BENCH_DEVICE=options.device, BENCH_PRECISION=options.precision)
    on_card = options.device != "cpu"
    print("| | task | Sfumato s | Python s | Python / Sfumato | Sfumato MB | Python MB |"
          + on_card * " Sfumato card MB | Python card MB |")
    print("|---|---|---|---|---|---|---|" + on_card * "---|---|")
    for letter in rows:
        name = TASKS.get(letter) or COLD[letter]
        (ours, theirs), (our_peak, their_peak), card = (
            cold(name, options.rounds) if letter in COLD else compare(name, options.rounds, options.steps))
        print(f"| {letter} | {name} | {ours:.3f} | {theirs:.3f} | {theirs / ours:.2f} "
              f"| {our_peak:.0f} | {their_peak:.0f} |" + on_card * f" {card[0]:.0f} | {card[1]:.0f} |", flush=True)


if __name__ == "__main__":
    main()
