"""open_clip's scores of the shipped model for faces that it was not trained on.

open_clip 3.3.0, transformers 5.18.0, Pillow.
Run: PYTHONPATH=<diffusers>/src python reference/clip_faces.py

golden/clip/faces   cosines of the pictures in src/test/resources/faces with their captions and
                    with short texts
"""

import json

import open_clip
import torch
from PIL import Image

import golden

FACES = golden.GOLDEN.parent / "faces"
MODEL = f"local-dir:{golden.GOLDEN.parents[4] / 'models/clip-faces'}"
SHORT = [*(f"{c} hair" for c in ("red", "blue", "blond", "gray", "purple", "white", "pink")),
         *(f"{c} background" for c in ("yellow", "pink", "blue")), "Grinning  face", "café ☕"]

if __name__ == "__main__":
    faces = [json.loads(line) for line in (FACES / "metadata.jsonl").read_text().splitlines()]
    model, _, preprocess = open_clip.create_model_and_transforms(MODEL)
    texts = [face["text"] for face in faces] + SHORT
    pictures = [Image.open(FACES / face["file_name"]).convert("RGB") for face in faces]
    with torch.no_grad():
        described = model.eval().encode_text(open_clip.get_tokenizer(MODEL)(texts), normalize=True)
        images = model.encode_image(torch.stack([*map(preprocess, pictures)]), normalize=True)
    golden.write("clip/faces", {"clip_versions": {"open_clip": open_clip.__version__},
                                "files": [face["file_name"] for face in faces], "texts": texts},
                 {"similarity": images @ described.T})
