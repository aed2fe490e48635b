"""Goldens of picture reading, resizing and cropping: the results of Pillow and torchvision for small files.

Made with Python 3.11, Pillow 12.3.0, torchvision 0.28.0 (torch 2.13.0), numpy 2.4.6.
Run: python reference/pictures.py

Writes core/src/test/resources/pictures/* and golden/pictures.json: per file the upright RGB values,
(C, H, W) as base64, on white; and the results of Resize, CenterCrop and convert("L") for a picture.
Only 16-bit gray differs: the golden holds its upper eight bits, where Pillow cuts off at 255.
"""

import base64
import json
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from torchvision import transforms

RESOURCES = Path(__file__).parent.parent / "core/src/test/resources"
FOLDER = RESOURCES / "pictures"


def scene(height, width):
    """A smooth background with a hard-edged disc and a little noise."""
    y, x = np.mgrid[0:height, 0:width]
    ground = np.stack([255 * x / width, 255 * y / height, 255 - 127 * (x + y) / (width + height)], -1)
    disc = (y - height / 2) ** 2 + (x - width / 3) ** 2 < (min(height, width) / 4) ** 2
    ground[disc] = (230, 30, 90)
    noise = np.random.default_rng(0).integers(-9, 10, ground.shape)
    return Image.fromarray(np.clip(ground + noise, 0, 255).astype(np.uint8))


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def write_png(path, values, color, interlaced=False):
    """A PNG that Pillow does not write: values (H, W, C) of uint8 or 16-bit, interlaced or not."""
    height, width, _ = values.shape
    bits = values.itemsize * 8
    passes = PASSES if interlaced else ((0, 0, 1, 1),)
    parts = (values[top::down, left::right] for top, left, down, right in passes)
    rows = b"".join(
        b"\0" + row.astype(f">u{values.itemsize}").tobytes() for part in parts if part.size for row in part)
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, int(interlaced))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def write_files():
    FOLDER.mkdir(exist_ok=True)
    rgb = scene(17, 23)
    gray = rgb.convert("L")
    alpha = rgb.copy()
    alpha.putalpha(gray.point(lambda v: 255 - v))
    palette = rgb.quantize(16)

    def save(image, name, **options):
        image.save(FOLDER / name, **options)

    save(gray, "gray.png")
    save(alpha.convert("LA"), "gray-alpha.png")
    save(alpha, "alpha.png")
    save(palette, "palette.png")
    save(palette, "palette-transparent.png", transparency=3)
    save(rgb, "rgb-transparent.png", transparency=rgb.getpixel((2, 2)))
    save(rgb.convert("1"), "one-bit.png")
    save(Image.fromarray(np.asarray(gray).astype(np.uint16) * 256 + 77), "gray-16-bit.png")
    write_png(FOLDER / "rgb-16-bit.png", np.asarray(rgb).astype(np.uint16) * 256 + 200, 2)
    save(gray, "gray.jpg")
    save(rgb, "subsampled.jpg", subsampling=2, quality=80)
    save(rgb, "progressive.jpeg", subsampling=0, progressive=True)
    save(rgb, "CAPITALS.JPG")
    cmyk = rgb.convert("CMYK")
    save(cmyk, "cmyk.jpg", quality=95)
    ycck = bytearray((FOLDER / "cmyk.jpg").read_bytes())
    ycck[ycck.index(b"Adobe") + 11] = 2  # the same samples, declared to be YCCK
    (FOLDER / "ycck.jpg").write_bytes(ycck)
    exif = Image.Exif()
    for orientation, name in ((6, "rotated.jpg"), (3, "rotated.png"), (8, "rotated.webp")):
        exif[0x0112] = orientation
        save(rgb, name, exif=exif)
    save(palette, "animated.gif", save_all=True, append_images=[ImageOps.flip(palette)])
    save(palette, "transparent.gif", transparency=3)
    save(rgb, "lossy.webp", quality=60)
    save(alpha, "lossless-alpha.webp", lossless=True)
    save(alpha, "animated.webp", save_all=True, append_images=[ImageOps.flip(alpha)])
    save(rgb, "color.bmp")
    save(palette, "palette.bmp")
    write_rarer_files(scene(9, 13))


def write_bmp(path, image, bits):
    """A BMP of 4 or 16 bits, which Pillow does not write: a palette of 16, or five bits per colour."""
    width, height = image.size
    palette = b""
    if bits == 4:
        image = image.quantize(16)
        colors = np.zeros((16, 4), np.uint8)
        used = np.array(image.getpalette()[:48], np.uint8).reshape(-1, 3)
        colors[: len(used), :3] = used[:, ::-1]
        palette = colors.tobytes()
        values = np.pad(np.asarray(image), ((0, 0), (0, width % 2)))
        rows = [(row[0::2] << 4 | row[1::2]).astype(np.uint8).tobytes() for row in values]
    else:
        r, g, b = (np.asarray(image).astype(np.uint16) >> 3).transpose(2, 0, 1)
        rows = [row.astype("<u2").tobytes() for row in (r << 10 | g << 5 | b)]
    data = b"".join(row + b"\0" * (-len(row) % 4) for row in reversed(rows))
    start = 54 + len(palette)
    path.write_bytes(
        b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start)
        + struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, 0, len(data), 0, 0, len(palette) // 4, 0)
        + palette + data
    )


def without_header(jpeg):
    """A JPEG without JFIF or EXIF: only the components' numbers tell the colour space."""
    length = struct.unpack(">H", jpeg[4:6])[0]
    return bytearray(jpeg[:2] + jpeg[4 + length :])


def write_rarer_files(rgb):
    gray = rgb.convert("L")
    alpha = rgb.copy()
    alpha.putalpha(gray)
    exif = Image.Exif()
    for orientation in range(1, 9):
        exif[0x0112] = orientation
        rgb.save(FOLDER / f"orientation-{orientation}.jpg", exif=exif, quality=95)
    cmyk = rgb.convert("CMYK")
    cmyk.save(FOLDER / "cmyk-progressive.jpg", quality=95, progressive=True, subsampling=0)
    rgb.save(FOLDER / "rgb-samples.jpg", quality=95, keep_rgb=True)
    rgb.save(FOLDER / "restarts.jpg", quality=95, restart_marker_rows=1)
    (FOLDER / "no-header.jpg").write_bytes(without_header((FOLDER / "orientation-1.jpg").read_bytes()))
    rgb.save(FOLDER / "no-header-full.jpg", quality=95, subsampling=0)
    full = without_header((FOLDER / "no-header-full.jpg").read_bytes())
    (FOLDER / "no-header-full.jpg").write_bytes(full)
    frame = full.index(b"\xff\xc0") + 10  # the components' numbers, three bytes apart, two in the scan
    scan = full.index(b"\xff\xda") + 5
    for i in range(3):
        full[frame + 3 * i] = full[scan + 2 * i] = i
    (FOLDER / "numbered-from-0.jpg").write_bytes(full)
    write_png(FOLDER / "interlaced.png", np.asarray(rgb), 2, interlaced=True)
    write_png(FOLDER / "interlaced-alpha.png", np.asarray(alpha), 6, interlaced=True)
    write_png(FOLDER / "alpha-16-bit.png", np.asarray(alpha).astype(np.uint16) * 257, 6)
    gray_alpha = np.asarray(alpha.convert("LA"))
    write_png(FOLDER / "gray-alpha-16-bit.png", gray_alpha.astype(np.uint16) * 257, 4)
    gray.save(FOLDER / "gray-transparent.png", transparency=gray.getpixel((3, 3)))
    for colors, bits in ((2, 1), (4, 2), (16, 4)):
        few = rgb.quantize(colors)
        few.save(FOLDER / f"palette-{bits}-bit.png", bits=bits, transparency=bytes([90] + [255] * (colors - 1)))
    rgb.convert("1").save(FOLDER / "one-bit.bmp")
    gray.save(FOLDER / "gray.bmp")
    alpha.save(FOLDER / "alpha.bmp")
    write_bmp(FOLDER / "palette-4-bit.bmp", rgb, 4)
    write_bmp(FOLDER / "color-16-bit.bmp", rgb, 16)
    gif = rgb.quantize(16)
    gif.save(FOLDER / "offset.gif", transparency=2)
    moved = bytearray((FOLDER / "offset.gif").read_bytes())
    moved[6:10] = struct.pack("<HH", 20, 15)  # a larger screen, and the frame not in its corner
    descriptor = moved.index(b"\x2c" + struct.pack("<HHHH", 0, 0, *rgb.size))
    moved[descriptor + 1 : descriptor + 5] = struct.pack("<HH", 5, 4)
    (FOLDER / "offset.gif").write_bytes(moved)
    alpha.save(FOLDER / "lossy-alpha.webp", quality=80)
    rgb.save(FOLDER / "animated-lossy.webp", save_all=True, append_images=[ImageOps.flip(rgb)], quality=80)


def upright_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def stored(image):
    values = np.asarray(image)
    values = values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
    return {
        "shape": list(values.shape),
        "values": base64.b64encode(np.ascontiguousarray(values).tobytes()).decode(),
    }


def orientations():
    source = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3))
    result = []
    for orientation in range(1, 9):
        source.getexif()[0x0112] = orientation
        result.append(stored(ImageOps.exif_transpose(source)))
    return {"source": stored(source), "upright": result}


def main():
    write_files()
    tall = scene(61, 47)
    wide = scene(20, 45)
    cases = []
    for source, size in ((tall, 16), (tall, 47), (tall, 64), (wide, 7), (wide, 33), (wide, 1)):
        resized = transforms.Resize(size, transforms.InterpolationMode.BILINEAR)(source)
        cropped = transforms.CenterCrop(size)(resized)
        cases.append(
            {
                "source": "tall" if source is tall else "wide",
                "size": size,
                "resized": stored(resized),
                "cropped": stored(cropped),
            }
        )
    golden = {
        "files": {p.name: stored(upright_rgb(Image.open(p))) for p in sorted(FOLDER.iterdir())},
        "orientations": orientations(),
        "sources": {"tall": stored(tall), "wide": stored(wide)},
        "gray": stored(tall.convert("L")),
        "resize": cases,
    }
    (RESOURCES / "golden" / "pictures.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
