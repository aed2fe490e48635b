"""Learned words in prompts of tiny Stable Diffusion models: golden/textual_inversion.

Models and weights are those of reference/stable_diffusion_pipelines.py. The files with the vectors lie
in golden/textual_inversion: of diffusers, of the common web interface (.pt) and of XL.
"""

import golden
import stable_diffusion_pipelines as models
import torch
from safetensors.torch import save_file

FOLDER = golden.GOLDEN / "textual_inversion"


def vectors(count, width, seed):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed)) * 0.5


def write_files():
    FOLDER.mkdir(exist_ok=True)
    save_file({"<cat-toy>": vectors(1, 32, 1)[0]}, FOLDER / "one.safetensors")
    save_file({"<cat-toy>": vectors(3, 32, 2)}, FOLDER / "three.safetensors")
    save_file({"clip_l": vectors(2, 32, 3), "clip_g": vectors(2, 32, 4)}, FOLDER / "xl.safetensors")
    torch.save({"string_to_token": {"*": 265}, "string_to_param": {"*": vectors(2, 32, 5)},
                "name": "style", "step": 1000, "sd_checkpoint": None,
                "sd_checkpoint_name": None}, FOLDER / "web.pt")
    learned = torch.nn.ParameterDict({"*": torch.nn.Parameter(vectors(2, 32, 6))})
    torch.save({"string_to_token": {"*": torch.tensor(265)}, "string_to_param": learned},
               FOLDER / "authors.pt")
    for file in FOLDER.iterdir():
        file.chmod(0o644)


CASES = {
    "one": ("sd1", {"file": "one.safetensors"}, "a <cat-toy> by the sea"),
    "three": ("sd1", {"file": "three.safetensors"}, "two <cat-toy>, <cat-toy>"),
    "named": ("sd1", {"file": "three.safetensors", "token": "zebra"}, "a zebra house"),
    "web": ("sd1", {"file": "web.pt"}, "a house in the style of"),
    "authors": ("sd1", {"file": "authors.pt", "token": "authors"}, "a house of the authors"),
    "xl": ("xl", {"file": "xl.safetensors", "token": "<x>"}, "a <x> rose"),
}


def load(pipe, file, token=None):
    if file == "authors.pt":
        state = torch.load(FOLDER / file, weights_only=False)
        pipe.load_textual_inversion(state["string_to_param"]["*"].detach(), token=token)
        return
    if file != "xl.safetensors":
        pipe.load_textual_inversion(FOLDER, weight_name=file, token=token)
        return
    from safetensors.torch import load_file
    state = load_file(FOLDER / file)
    pipe.load_textual_inversion(state["clip_l"], token=token, text_encoder=pipe.text_encoder,
                                tokenizer=pipe.tokenizer)
    pipe.load_textual_inversion(state["clip_g"], token=token, text_encoder=pipe.text_encoder_2,
                                tokenizer=pipe.tokenizer_2)


def main():
    write_files()
    tensors, cases = {}, []
    for name, (family, options, prompt) in CASES.items():
        pipe = models.families()[family][1]
        load(pipe, **options)
        with torch.no_grad():
            encoded = pipe.encode_prompt(prompt=prompt, device="cpu", num_images_per_prompt=1,
                                         do_classifier_free_guidance=False)
        tensors[name] = encoded[0]
        if family == "xl":
            tensors[name + ".pooled"] = encoded[2]
        cases.append({"name": name, "family": family, "options": options, "prompt": prompt})
        print(name, tuple(encoded[0].shape))
    golden.write("textual_inversion", {"cases": cases}, tensors)


main()
