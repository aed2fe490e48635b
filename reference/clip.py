"""CLIP models, tokens and prepared pictures: open_clip, transformers and OpenAI's TorchScript.

open_clip 3.3.0, transformers 5.18.0, ftfy 6.3.1, tokenizers 0.23.2, torchvision 0.28.0, Pillow.
Run: PYTHONPATH=<diffusers>/src python reference/clip.py

golden/clip/networks   configurations, the shapes of their weights (drawn by golden.WEIGHTS_RULE;
                       running_var is then squared plus 0.5), tokens and features; pictures are
                       randn of the seed
golden/clip/script.pkl data.pkl of a TorchScript file, and the storage of each weight
golden/clip/tokens     hard texts and their tokens
golden/clip/tokenizer  a small tokenizer in transformers' layout, as vocab.json and merges.txt
golden/clip/pictures   a picture before and after preprocessing
"""

import io
import json
import pickle
import random
import zipfile

import ftfy
import ftfy.bad_codecs  # the sloppy encodings
import numpy
import open_clip
import torch
import transformers
from open_clip.model import CLIP, CustomTextCLIP, build_model_from_openai_state_dict
from open_clip.tokenizer import SimpleTokenizer, _clean_canonicalize, _clean_whitespace
from PIL import Image

import golden

HOME = golden.GOLDEN / "clip"
VERSIONS = {"open_clip": open_clip.__version__, "transformers": transformers.__version__,
            "ftfy": ftfy.__version__}
VIT = {"image_size": 16, "layers": 2, "width": 16, "head_width": 8, "patch_size": 4}
TEXT = {"context_length": 7, "vocab_size": 40, "width": 12, "heads": 3, "layers": 2}
OPEN_CLIP = {
    "gelu": {},
    "quick_gelu": {"quick_gelu": True},
    "patches_cut": {"vision_cfg": {"image_size": 15, "patch_size": 6, "mlp_ratio": 2.5}},
    "avg": {"vision_cfg": {"pool_type": "avg", "no_ln_pre": True}},
    "avg_then_norm": {"vision_cfg": {"pool_type": "avg", "final_ln_after_pool": True}},
    "tok_then_norm": {"vision_cfg": {"final_ln_after_pool": True, "pos_embed_type": "sin_cos_2d"}},
    "tanh_and_eps": {"vision_cfg": {"act_kwargs": {"approximate": "tanh"},
                                    "norm_kwargs": {"eps": 1e-2}},
                     "text_cfg": {"act_kwargs": {"approximate": "tanh"}}},
    "text_last": {"text_cfg": {"pool_type": "last", "no_causal_mask": True}},
    "text_first": {"text_cfg": {"pool_type": "first", "no_causal_mask": True}},
    "text_eos": {"text_cfg": {"pool_type": "eos", "eos_id": 5}},
    "custom_text": {"custom_text": True},
    "bias": {"init_logit_bias": -10, "nonscalar_logit_scale": True},
    "resnet": {"vision_cfg": {"image_size": 64, "layers": [1, 2, 1, 1], "width": 8,
                              "head_width": 32, "patch_size": None}},
}
TRANSFORMERS = {
    "hf": {},
    "hf_legacy_end": {"text_config": {"eos_token_id": 2}},
    "hf_gelu": {"vision_config": {"hidden_act": "gelu", "intermediate_size": 20},
                "text_config": {"hidden_act": "gelu", "layer_norm_eps": 1e-2}},
}


def merged(base, changes):
    result = dict(base)
    for key, value in changes.items():
        result[key] = merged(result[key], value) if isinstance(result.get(key), dict) else value
    return result


def fill(model, seed):
    golden.fill(model, seed)
    state = model.state_dict()
    for name, tensor in state.items():
        if name.endswith("running_var"):
            state[name] = tensor.square() + 0.5
    model.load_state_dict(state)
    return model.eval()


def shapes(model):
    return {name: list(tensor.shape) for name, tensor in model.state_dict().items()}


def images_for(seed, count, side):
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def ids_for(length, vocabulary, generator, end):
    """Rows of tokens with `end`, the largest, somewhere, and twice in the last."""
    ids = torch.randint(1, vocabulary - 2, (3, length), generator=generator)
    for row, at in enumerate((length - 1, 2, 3)):
        ids[row, at] = end
        ids[row, at + 1:] = 0
    ids[2, length - 2] = end
    return ids


def open_clip_case(name, changes, seed):
    config = merged({"embed_dim": 10, "vision_cfg": VIT, "text_cfg": TEXT}, changes)
    arguments = {k: v for k, v in config.items() if k != "custom_text"}
    model = fill((CustomTextCLIP if "custom_text" in config else CLIP)(**arguments), seed)
    generator = torch.Generator().manual_seed(seed)
    side = config["vision_cfg"]["image_size"]
    images = images_for(seed, 1 if name == "resnet" else 2, side)
    ids = ids_for(7, 40, generator, 5 if name == "text_eos" else 39)
    if name == "text_eos":
        ids[1, 2] = 7  # no end token
    return {"name": name, "layout": "open_clip", "seed": seed, "config": config,
            "shapes": shapes(model)}, results(model.encode_image, model.encode_text, images, ids)


def transformers_case(name, changes, seed):
    config = merged({
        "projection_dim": 10,
        "vision_config": {"image_size": 16, "patch_size": 4, "hidden_size": 16,
                          "intermediate_size": 64, "num_hidden_layers": 2,
                          "num_attention_heads": 2},
        "text_config": {"vocab_size": 600, "hidden_size": 12, "intermediate_size": 48,
                        "num_hidden_layers": 2, "num_attention_heads": 3,
                        "max_position_embeddings": 7, "eos_token_id": 551}}, changes)
    model = fill(transformers.CLIPModel(transformers.CLIPConfig(**config)), seed)
    file = HOME / "tmp"
    model.save_pretrained(file)
    saved = json.loads((file / "config.json").read_text())
    for path in file.iterdir():
        path.unlink()
    file.rmdir()
    generator = torch.Generator().manual_seed(seed)
    images = images_for(seed, 2, 16)
    ids = ids_for(7, 500, generator, 551)
    return {"name": name, "layout": "transformers", "seed": seed, "config": saved,
            "shapes": shapes(model)}, results(
                lambda x: model.get_image_features(pixel_values=x).pooler_output,
                lambda x: model.get_text_features(input_ids=x).pooler_output, images, ids)


def results(encode_image, encode_text, images, ids):
    images.requires_grad_(True)
    features = encode_image(images)
    weights = torch.linspace(-1, 1, features.numel()).reshape(features.shape)
    gradient, = torch.autograd.grad((features * weights).sum(), images)
    return {"ids": ids, "image_features": features.detach(),
            "gradient": gradient, "text_features": encode_text(ids).detach()}


def layer_case(tensors):
    for name in ("gelu", "resnet"):
        config = merged({"embed_dim": 10, "vision_cfg": VIT, "text_cfg": TEXT}, OPEN_CLIP[name])
        seed = list(OPEN_CLIP).index(name)
        model = fill(CLIP(**config), seed)
        images = images_for(seed, 1, config["vision_cfg"]["image_size"])
        if name == "gelu":
            out = model.visual.forward_intermediates(images, indices=[0, 1], output_fmt="NLC",
                                                     output_extra_tokens=True)
            for i in range(2):
                tensors[f"{name}.layer{i}"] = torch.cat(
                    [out["image_intermediates_prefix"][i], out["image_intermediates"][i]], 1).detach()
        else:
            out = model.visual.forward_intermediates(images, indices=[0, 4])
            tensors[f"{name}.layer0"] = out["image_intermediates"][0].detach()
            tensors[f"{name}.layer1"] = out["image_intermediates"][1].detach()


# ---- TorchScript


class Names(pickle.Unpickler):
    """The storage of each attribute."""

    class Object:
        def __init__(self, *arguments):
            self.arguments = arguments

        def __setstate__(self, state):
            self.__dict__.update(state)

    def find_class(self, module, name):
        if module == "collections":
            return dict
        return type(name, (Names.Object,), {})

    def persistent_load(self, identity):
        return identity[2]

    def leaves(self, found, prefix=""):
        for name, value in vars(found).items():
            if not isinstance(value, Names.Object):
                continue
            if hasattr(value, "arguments") and value.arguments:
                yield prefix + name, value.arguments[0]
            else:
                yield from self.leaves(value, prefix + name + ".")


def script_case(seed):
    """A model like OpenAI's, as `build_model` infers it: half precision, heads of 64 channels."""
    config = {"embed_dim": 10, "quick_gelu": True,
              "vision_cfg": {"image_size": 16, "layers": 2, "width": 64, "patch_size": 4},
              "text_cfg": {"context_length": 7, "vocab_size": 49408, "width": 64, "heads": 1,
                           "layers": 1}}
    model = fill(CLIP(**config), seed).half().float()
    generator = torch.Generator().manual_seed(seed)
    images = images_for(seed, 2, 16)
    ids = ids_for(7, 40, generator, 49407)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    same = build_model_from_openai_state_dict(dict(state), cast_dtype=None).float().eval()
    features = results(same.encode_image, same.encode_text, images, ids)
    del features["gradient"]
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(model.half(), (images.half(), ids)), buffer)
    archive = zipfile.ZipFile(buffer)
    pickled = next(n for n in archive.namelist() if n.endswith("/data.pkl"))
    (HOME / "script.pkl").write_bytes(archive.read(pickled))
    names = Names(io.BytesIO(archive.read(pickled)))
    storages = {name: key for name, key in names.leaves(names.load())}
    return {"name": "script", "layout": "script", "seed": seed, "config": {},
            "shapes": shapes(model), "storages": storages}, features


def networks():
    cases, tensors = [], {}
    HOME.mkdir(exist_ok=True)
    made = [open_clip_case(n, c, i) for i, (n, c) in enumerate(OPEN_CLIP.items())]
    made += [transformers_case(n, c, 50 + i) for i, (n, c) in enumerate(TRANSFORMERS.items())]
    made.append(script_case(90))
    for case, results_of_case in made:
        cases.append(case)
        tensors |= {f"{case['name']}.{key}": value for key, value in results_of_case.items()}
    layer_case(tensors)
    golden.write("clip/networks", {"clip_versions": VERSIONS, "cases": cases}, tensors)


# ---- texts

SENTENCES = [
    "a photo of a cat", "Größe äöü ß", "naïve café — “quoted” ‘text’…", "日本語のテキスト", "한국어",
    "Привет, мир!", "Ελληνικά ΣΑΣ, ΟΔΟΣ ΑΣ.Β", "emoji 😀👍🏽👨‍👩‍👧 ❤️🇩🇪", "x² ± 3 µm £5 €10", "İstanbul ŞİŞLİ",
    "ﬁne ﬂuﬃeﬆ Ǆ ŉ ﬅ", "ＬＯＵＤ　ＮＯＩＳＥＳ ﾊﾝｶｸ", "schön «guillemets»", "voilà à la mode", "العربية",
    "हिन्दी", "ไทย", "I'M it's we'LL don't 'tis 's", "œuvre ÆØÅ", "Łódź żółć", "ă î ț Ã la",
]
HARD = [
    "", " ", "\n\t", "\u00a0", "&nbsp;", "&amp;amp;lt;b&gt;", "P&EACUTE;REZ &NTILDE; &nTILDE; &SZLIG;",
    "&eacute &notit; &copy2 &#233 &#xe9; &#128512;", "&#0; &#x85; &#xd800; &#1; &#99999999999; &#;",
    "&hellip;&frac12;&CounterClockwiseContourIntegral;", "<b>&amp;</b>", "x<y\n&amp; &lt;",
    "a\x00b\x7f", "\x1b[31mred\x1b[0m", "line\r\nline\rline\u2028line\u2029line\x85line", "\ufeffbom",
    "soft\u00adhyphen zero\u200bwidth join\u200der", "\x1c\x1dq", "e\u0301 o\u0308 A\u030a",
    "ſtart 'ſ K", "<start_of_text> hi <END_OF_TEXT> !!<start_of_text>", "<|startoftext|> hi <|endoftext|>!",
    "a" * 300, "1234567890 Ⅷ ½ ①", "hello!!!???...", "_under_score_", "\x80\x81\x9f", "word " * 120,
    "日" * 100, "it’s ´`^~", "tag \U000e0067\U000e007f", "Â£5 Ã© â‚¬", "Ã la mode", "fÃ cil", "l’humanitÃ©",
    "âœ” No problems", "(à¸‡'âŒ£')à¸‡", "&macr;\\_(ã\x83\x84)_/&macr;", "â€œlike thisâ€\x9d", "â€œ like this â€\ufffd",
    "ÃƒÂ© twice", "Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "РїСЂРёРІРµС‚", "æ—¥æœ¬", "ðŸ˜€ ðŸ‘\x8d", "\xed\xa0\xbd\xed\xb8\x80 \xc3\xa9", "x \xc0\x80 \xc3\xa9",
]


def texts():
    draw = random.Random(0)
    encodings = ["latin-1", "windows-1252", "sloppy-windows-1252", "sloppy-windows-1251",
                 "sloppy-windows-1250", "sloppy-windows-1253", "sloppy-windows-1254",
                 "sloppy-windows-1257", "iso-8859-2", "macroman", "cp437"]
    found = SENTENCES + HARD
    for sentence in SENTENCES:
        for encoding in draw.sample(encodings, 2):
            garbled = sentence.encode().decode(encoding, errors="replace")
            found.append(garbled)
            found.append(draw.choice(SENTENCES) + " " + garbled.replace("\xa0", " "))
            found.append(garbled.encode().decode(draw.choice(encodings), errors="replace")[:40])
    pool = "".join(SENTENCES) + "ÂÃ€™œ\x9d\xa0 ÐÑð â€™ Ã© å \ufffd ?"
    found += ["".join(draw.choice(pool) for _ in range(draw.randint(2, 20))) for _ in range(80)]
    return found


def tokens():
    simple = SimpleTokenizer()
    vocabulary = [name for name, _ in sorted(simple.encoder.items(), key=lambda item: item[1])]
    merges = sorted(simple.bpe_ranks, key=simple.bpe_ranks.get)
    names = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    whole = transformers.CLIPTokenizer(
        vocab={names.get(n, n): i for i, n in enumerate(vocabulary)}, merges=merges)
    few = merges[:38]
    symbols = vocabulary[:512] + ["".join(merge) for merge in few] + list(names.values())
    small = transformers.CLIPTokenizer(vocab={n: i for i, n in enumerate(symbols)}, merges=few)
    directory = HOME / "tokenizer"
    directory.mkdir(exist_ok=True)
    (directory / "vocab.json").write_text(
        json.dumps({n: i for i, n in enumerate(symbols)}, ensure_ascii=False) + "\n")
    (directory / "merges.txt").write_text(
        "#version: 0.2\n" + "".join(" ".join(merge) + "\n" for merge in few))
    small.save_pretrained(HOME / "tokenizer_json")
    for path in (HOME / "tokenizer_json").iterdir():
        if path.name != "tokenizer.json":
            path.unlink()
    cases = [{"text": text, "open_clip": simple.encode(text),
              "transformers": whole(text)["input_ids"][1:-1],
              "small": small(text)["input_ids"][1:-1]} for text in texts()]
    rows = [{"texts": ["a photo of a cat", "word " * 120, ""], "length": length,
             "ids": simple(["a photo of a cat", "word " * 120, ""], length).tolist()}
            for length in (77, 16, 4)]
    cleaned = [{"text": text, "whitespace": _clean_whitespace(text),
                "canonicalize": _clean_canonicalize(text)} for text in SENTENCES + HARD]
    text = golden.lines({"versions": VERSIONS, "cases": cases, "rows": rows, "cleaned": cleaned})
    (HOME / "tokens.json").write_text(text)
    print(f"tokens: {len(cases)} texts, {len(text) / 1024:.0f} KB")


# ---- pictures


def pictures():
    generator = torch.Generator().manual_seed(3)
    rough = torch.rand(6, 9, 3, generator=generator)
    image = Image.fromarray((rough * 255).to(torch.uint8).numpy()).resize((61, 37), Image.BICUBIC)
    noise = torch.randint(0, 256, (37, 61, 3), generator=generator).numpy()
    pixels = numpy.where(numpy.arange(61)[None, :, None] % 3 == 0, noise, numpy.asarray(image))
    image = Image.fromarray(pixels.astype(numpy.uint8))
    image.save(HOME / "picture.png")
    cases, tensors = [], {}
    for i, (size, options) in enumerate([
            (24, {}), (16, {"interpolation": "bilinear"}), (24, {"resize_mode": "squash"}),
            (40, {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}), (37, {})]):
        transform = open_clip.transform.image_transform_v2(
            open_clip.transform.PreprocessCfg(size=size, **options), is_train=False)
        tensors[f"open_clip{i}"] = transform(image)
        cases.append({"name": f"open_clip{i}", "size": size, "settings": options})
    for i, settings in enumerate([
            {"size": {"shortest_edge": 24}, "crop_size": {"height": 24, "width": 24}},
            {"size": {"shortest_edge": 30}, "crop_size": {"height": 24, "width": 24}},
            {"size": {"height": 24, "width": 24}, "do_center_crop": False, "resample": 2},
            {"size": {"shortest_edge": 24}, "crop_size": {"height": 24, "width": 24},
             "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.25, 0.5]}]):
        processor = transformers.CLIPImageProcessor(**settings)
        tensors[f"hf{i}"] = processor(image, return_tensors="pt")["pixel_values"][0]
        cases.append({"name": f"hf{i}", "size": 24, "settings": settings})
    golden.write("clip/pictures", {"clip_versions": VERSIONS, "cases": cases}, tensors)


def main():
    networks()
    tokens()
    pictures()
    for path in HOME.rglob("*"):
        if path.is_file():
            path.chmod(0o644)


main()
