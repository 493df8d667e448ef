"""CPython, compiled by rattler-build from the upstream tarballs of Debian's source packages.

A program of its own, because rattler-build talks to the terminal: `cpython.py CHANNEL TARBALL VERSION OUTPUT`.
"""

import hashlib
import json
import os
import shutil
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent

# All files of one CPython bear this moment, and its bytecode is valid for it.
MOMENT = {"3.11": 1675814400, "3.9": 1613779200}

HOST = ["bzip2", "libexpat", "libffi", "liblzma", "libsqlite", "libuuid", "libxcrypt", "libzlib", "ncurses", "openssl", "readline"]

RUN = [
    "__glibc >=2.36,<3.0.a0",
    "bzip2 >=1.0.8,<2.0a0",
    "libexpat >=2.5.0,<3.0a0",
    "libffi >=3.4,<3.5.0a0",
    "libgcc-ng >=12",
    "liblzma >=5.4.1,<6.0a0",
    "libsqlite >=3.40.1,<4.0a0",
    "libuuid >=2.38.1,<3.0a0",
    "libxcrypt >=4.4.33",
    "libzlib >=1.2.13,<2.0a0",
    "ncurses >=6.4,<7.0a0",
    "openssl >=3.0,<4.0a0",
    "readline >=8.2,<9.0a0",
    "tzdata",
]


def recipe(tarball: Path, version: str) -> dict:
    """The recipe, for JSON is YAML. Only newer Pythons say where their site-packages are, as on conda-forge."""
    minor = version.rsplit(".", 1)[0]
    variables = {"CPYTHON_MINOR": minor, "CPYTHON_MOMENT": str(MOMENT[minor])}
    build = {"number": 0, "string": "0_cpython", "script": {"file": "cpython.sh", "env": variables}}
    if minor == "3.11":
        build["python"] = {"site_packages_path": f"lib/python{minor}/site-packages"}
    return {
        "package": {"name": "python", "version": version},
        "source": {"path": str(tarball), "sha256": hashlib.sha256(tarball.read_bytes()).hexdigest()},
        "build": build,
        "requirements": {"host": HOST, "run": RUN, "ignore_run_exports": {"from_package": HOST}},
        "about": {"license": "Python-2.0", "summary": "General purpose programming language"},
    }


def build(channel: Path, tarball: Path, version: str, output: Path) -> None:
    """Compiles one CPython against the libraries of `channel` and puts the archive into `output`."""
    from rattler_build.cli_api import build_recipes

    warnings.simplefilter("ignore", DeprecationWarning)
    output.mkdir(parents=True, exist_ok=True)
    # Always the same folder, for its name gets into what is compiled.
    work = output / "work"
    shutil.rmtree(work, ignore_errors=True)
    # Cached repodata and packages must be those of this channel and no earlier one's.
    os.environ["RATTLER_CACHE_DIR"] = f"{work}/cache"
    folder = Path(work, "recipe")
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(json.dumps(recipe(tarball, version), indent=2))
    shutil.copy(HERE / "cpython.sh", folder)
    build_recipes(
        [folder / "recipe.yaml"],
        channel=[channel.as_uri()],
        output_dir=f"{work}/out",
        no_build_id=True,
        package_format="conda:19",
        test="skip",
        build_platform="linux-64",
        target_platform="linux-64",
    )
    (made,) = Path(work, "out", "linux-64").glob("python-*.conda")
    shutil.move(made, output / made.name)
    shutil.rmtree(work)


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
