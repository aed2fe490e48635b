"""Checks that Sfumato and huggingface_hub read and continue each other's cache.

huggingface_hub 1.33.0.

    mvn -q package && python reference/check_hub.py

A test server speaks the Hub's protocol and holds models/mnist as org/name. The script fails
if one program refuses what the other downloaded, or stores it differently.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = ["model_index.json", "unet/*", "scheduler/*", "class_conditioning/*"]


def serve():
    jars = [ROOT / "core/target/classes", ROOT / "core/target/test-classes", ROOT / "cli/target/lib/*"]
    return subprocess.Popen(["java", "-cp", os.pathsep.join(map(str, jars)), "dev.sfumato.hub.FakeHub",
                             ROOT / "models/mnist"], stdout=subprocess.PIPE, text=True)


def inspect(cache, **variables):
    environment = {**os.environ, "HF_HUB_CACHE": cache, **variables}
    return subprocess.Popen([ROOT / "sfumato", "inspect", "org/name"], env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def require(condition, what):
    print("ok  " if condition else "FAIL", what)
    if not condition:
        raise SystemExit(1)


def layout(cache):
    """Files and links of a cache: blobs by size, trees by content."""
    found = {}
    for path in sorted(Path(cache).rglob("*")):
        name = str(path.relative_to(cache))
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file() and "trees" in path.parts:
            found[name] = json.loads(path.read_text())
        elif path.is_file() and "refs" in path.parts:
            found[name] = path.read_text()
        elif path.is_file():
            found[name] = path.stat().st_size if "blobs" in path.parts else ""
    return found


def main():
    server = serve()
    os.environ["HF_ENDPOINT"] = server.stdout.readline().strip()
    from huggingface_hub import scan_cache_dir, snapshot_download
    try:
        with tempfile.TemporaryDirectory() as java, tempfile.TemporaryDirectory() as python, \
                tempfile.TemporaryDirectory() as both:
            require(inspect(java).wait() == 0, "Sfumato downloads")
            snapshot_download("org/name", cache_dir=java, local_files_only=True, allow_patterns=FILES)
            require(not scan_cache_dir(java).warnings, "huggingface_hub reads it offline")
            snapshot = snapshot_download("org/name", cache_dir=python, allow_patterns=FILES)
            require(inspect(python, HF_HUB_OFFLINE="1").wait() == 0, "Sfumato reads the other's offline")
            require(layout(java) == layout(python), "the layouts are the same")
            snapshot_download("org/name", cache_dir=java)
            require(not scan_cache_dir(java).warnings, "huggingface_hub adds what is missing")
            config = Path(snapshot, "unet/config.json")
            config.resolve().unlink()
            partly = inspect(python, HF_HUB_OFFLINE="1")
            require("unet/config.json is missing" in partly.communicate()[0], "Sfumato names what is missing")
            beside = inspect(both)
            snapshot_download("org/name", cache_dir=both, allow_patterns=FILES)
            require(beside.wait() == 0 and not scan_cache_dir(both).warnings, "both download at once")
    finally:
        server.kill()


main()
