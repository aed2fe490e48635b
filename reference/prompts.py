"""Weighted prompts of tiny Stable Diffusion models: golden/prompts.json, .safetensors.

`compel` cases are computed by compel at c60b9fb; put its src folder on PYTHONPATH, and pyparsing. `a1111`
cases by the functions below, after AUTOMATIC1111's modules prompt_parser.py, sd_hijack_clip.py and
sd_emphasis.py at 82a973c: chunks of all tokens but two, cut after a comma where one is near.
Models and weights are those of reference/stable_diffusion_pipelines.py.
"""

import re

import golden
import stable_diffusion_pipelines as models
import torch
from compel import CompelForSD, CompelForSDXL

LONG = ("an old house by the sea, with a red roof. two cats sleep on the wall, and a bird sings "
        "in the green tree of the garden")
A1111 = [
    "a red rose", "a (red) rose", "a [red] rose, (two cats:1.3)", "((very)) [[old]] house (sea",
    r"a \(red\) rose \[old\]", "a red rose BREAK two cats BREAK (blue:0.5)", "(a red: rose)",
    LONG, "blue, (" + LONG[:60] + ":1.1) " + LONG[60:], "a (red rose: 1.4 ) x:y", "", "(cats:-0.5) sea", "rose]) (a)",
    "a (red [old (rose:1.5)] house)"]
COMPEL = [
    "a red rose", "a red+ rose", "a red++ rose-- by the sea", "a (red rose)1.3, two cats",
    "a (red (old)1.2 rose)- house", '("a red rose", "two cats").and()',
    '("a red rose", "two cats and a bird+").and(1, 0.7)', LONG, "two cats- " + LONG,
    "(unbalanced rose", "", r"a \(red\) rose", "a-b, c++ red.", "(two cats)0", "red- rose- house--",
    '"a red rose"1.4 by "the sea"', "a (house, by the sea.)0.6 x", "(a = b)1.2 c",
    "a (" + LONG + ")0.8 house"]


def parts_of(prompt):
    """Pairs of text and weight; text is None for a break."""
    pattern = re.compile(r"\\[()\[\]\\]|\\|[(\[]|:\s*([+-]?[.\d]+)\s*\)|[)\]]|[^\\()\[\]:]+|:")
    parts, brackets = [], {"(": [], "[": []}

    def multiply(start, factor):
        for part in parts[start:]:
            part[1] *= factor

    for match in pattern.finditer(prompt):
        text, weight = match.group(0), match.group(1)
        if text.startswith("\\"):
            parts.append([text[1:], 1.0])
        elif text in "([":
            brackets[text].append(len(parts))
        elif weight is not None and brackets["("]:
            multiply(brackets["("].pop(), float(weight))
        elif text == ")" and brackets["("]:
            multiply(brackets["("].pop(), 1.1)
        elif text == "]" and brackets["["]:
            multiply(brackets["["].pop(), 1 / 1.1)
        else:
            for i, words in enumerate(re.split(r"\s*\bBREAK\b\s*", text)):
                parts += [[None, 1.0]] * (i > 0) + [[words, 1.0]]
    for start in brackets["("]:
        multiply(start, 1.1)
    for start in brackets["["]:
        multiply(start, 1 / 1.1)
    merged = []
    for text, weight in parts:
        if merged and text is not None and merged[-1][0] is not None and merged[-1][1] == weight:
            merged[-1][0] += text
        else:
            merged.append([text, weight])
    return merged or [["", 1.0]]


def chunks_of(prompt, tokenizer):
    size, comma = tokenizer.model_max_length - 2, tokenizer.get_vocab()[",</w>"]
    chunks, chunk, last_comma = [], [], -1
    for text, weight in parts_of(prompt):
        if text is None:
            chunks.append(chunk)
            chunk, last_comma = [], -1
            continue
        for token in tokenizer(text, truncation=False, add_special_tokens=False)["input_ids"]:
            if token == comma:
                last_comma = len(chunk)
            elif len(chunk) == size and last_comma != -1 and len(chunk) - last_comma <= 20:
                chunks.append(chunk[:last_comma + 1])
                chunk, last_comma = chunk[last_comma + 1:], -1
            if len(chunk) == size:
                chunks.append(chunk)
                chunk, last_comma = [], -1
            chunk.append((token, weight))
    return chunks + [chunk] if chunk or not chunks else chunks


def a1111(prompt, tokenizer, encoder, xl):
    states, pooled = [], None
    for chunk in chunks_of(prompt, tokenizer):
        rest = tokenizer.model_max_length - 2 - len(chunk)
        ids = [tokenizer.bos_token_id] + [t for t, _ in chunk] + [tokenizer.eos_token_id]
        weights = torch.tensor([1.0] + [w for _, w in chunk] + [1.0] * (rest + 1))
        output = encoder(torch.tensor([ids + [tokenizer.pad_token_id] * rest]),
                         output_hidden_states=True)
        z = output.hidden_states[-2] if xl else output.last_hidden_state
        weighted = z * weights[None, :, None]
        ratio = z.mean() / weighted.mean()
        assert 0.1 < abs(ratio) < 10, f"rounding decides about '{prompt}'"
        states.append(weighted * ratio)
        pooled = output[0] if pooled is None else pooled
    return torch.cat(states, 1), pooled


def encode(syntax, prompt, pipe, xl):
    """States of a prompt and, for XL, the pooled text."""
    if syntax == "compel":
        if not xl:
            return CompelForSD(pipe)(prompt).embeds, None
        made = CompelForSDXL(pipe)(prompt)
        return made.embeds, made.pooled_embeds
    pairs = [(pipe.tokenizer, pipe.text_encoder)]
    if xl:
        pairs.append((pipe.tokenizer_2, pipe.text_encoder_2))
    read = [a1111(prompt, tokenizer, encoder, xl) for tokenizer, encoder in pairs]
    return torch.cat([z for z, _ in read], -1), read[-1][1] if xl else None


def main():
    made, tensors, cases = models.families(), {}, []
    for family in ("sd1", "sd2", "xl"):
        for syntax, prompts in (("a1111", A1111), ("compel", COMPEL)):
            for i, prompt in enumerate(prompts):
                if family == "xl" and ".and(1" in prompt:
                    continue  # compel fails at weights of .and() of XL
                name = f"{family}_{syntax}_{i}"
                with torch.no_grad():
                    states, pooled = encode(syntax, prompt, made[family][1], family == "xl")
                tensors[name] = states
                if pooled is not None:
                    tensors[name + ".pooled"] = pooled
                cases.append({"name": name, "family": family, "syntax": syntax, "prompt": prompt})
                print(f"{name:14} {tuple(states.shape)} {prompt[:50]}")
    golden.write("prompts", {"cases": cases}, tensors)


main()
