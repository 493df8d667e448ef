"""The conda package of `recipe.yaml`, by rattler-build: `conda.py SUBDIR VERSION MACHINE LEVEL FOLDER OUTPUT`, with the files in FOLDER/tree."""

import io
import json
import os
import shutil
import sys
import tarfile
import warnings
import zipfile
from pathlib import Path

import zstandard
from rattler_build.cli_api import build_recipes


def build(subdir: str, version: str, machine: str, level: int, folder: Path, output: Path) -> None:
    warnings.simplefilter("ignore", DeprecationWarning)
    os.environ |= {
        "IMGBUILD_VERSION": version,
        "IMGBUILD_MACHINE": machine,
        "IMGBUILD_TREE": f"{folder}/tree",
        "RATTLER_CACHE_DIR": f"{folder}/cache",
    }
    recipe = folder / "recipe"
    recipe.mkdir()
    shutil.copy(Path(__file__).with_name("recipe.yaml"), recipe)
    build_recipes(
        [recipe / "recipe.yaml"],
        # It needs nothing: no channel is asked.
        channel=[],
        output_dir=f"{folder}/out",
        no_build_id=True,
        # What was rendered names the moment and the folder.
        no_include_recipe=True,
        package_format="conda:1",
        test="skip",
        target_platform=subdir,
    )
    (made,) = Path(folder, "out", subdir).glob("*.conda")
    settled(made, output / made.name, int(os.environ["SOURCE_DATE_EPOCH"]), level)


def settled(made: Path, settled: Path, moment: int, level: int) -> None:
    """The same package with one moment for everything: rattler-build gives all files the time at which it runs."""
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(settled, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith(".tar.zst"):
                plain = zstandard.ZstdDecompressor().stream_reader(data).read()
                data = zstandard.ZstdCompressor(level=level).compress(tar(plain, moment))
            # The first moment that a zip can hold.
            new.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)


def tar(plain: bytes, moment: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(plain)) as old, tarfile.open(fileobj=out, mode="w") as new:
        for head in old:
            head.mtime, head.pax_headers = moment, {}
            data = old.extractfile(head).read() if head.isfile() else b""
            if head.name == "info/index.json":
                index = json.loads(data) | {"timestamp": moment * 1000}
                data = (json.dumps(index, indent=2, sort_keys=True) + "\n").encode()
                head.size = len(data)
            new.addfile(head, io.BytesIO(data))
    return out.getvalue()


if __name__ == "__main__":
    build(*sys.argv[1:4], int(sys.argv[4]), Path(sys.argv[5]), Path(sys.argv[6]))
