"""The conda package of `recipe.yaml`, by rattler-build: `conda.py SUBDIR VERSION MACHINE FORMAT FOLDER OUTPUT`, with the files in FOLDER/tree."""

import os
import shutil
import sys
import warnings
from pathlib import Path

from rattler_build.cli_api import build_recipes


def build(subdir: str, version: str, machine: str, form: str, folder: Path, output: Path) -> None:
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
        package_format=form,
        test="skip",
        target_platform=subdir,
    )
    (made,) = Path(folder, "out", subdir).glob("*.conda")
    # Temporary files are for their owner alone, and this one is none.
    made.chmod(0o644)
    shutil.move(made, output / made.name)


if __name__ == "__main__":
    build(*sys.argv[1:5], Path(sys.argv[5]), Path(sys.argv[6]))
