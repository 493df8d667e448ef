"""Tries the finished channel with rattler: what is solved, installed and run here is what the tests build on."""

import json
import shutil
import subprocess
from pathlib import Path

from archive import PLACEHOLDER
from environment import clean
from prefix import make, records, say

JUPYTER = ["python 3.11.*", "jupyterlab", "numpy", "pandas", "scipy", "scikit-learn", "matplotlib-base"]
MODULES = "ssl, sqlite3, ctypes, lzma, bz2, zlib, readline, curses, uuid, _uuid, hashlib, zoneinfo, pyexpat"

# The odd packages that cannot be in one environment with all others, and why.
ALONE = {
    "odd-empty-folders": "rattler 0.55 fails on folders that paths.json lists; conda makes them",
    "odd-unsolvable": "it depends on a package that is not there",
}

# What Python itself says of the bytecode below a folder: paths whose `.pyc` it would not take.
STALE = """
import importlib.util, os, struct, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        source = os.path.join(folder, name)
        if not name.endswith(".py") or not os.path.exists(importlib.util.cache_from_source(source)):
            continue
        with open(importlib.util.cache_from_source(source), "rb") as pyc:
            magic, flags, mtime, size = struct.unpack("<4sLLL", pyc.read(16))
        stat = os.stat(source)
        if magic != importlib.util.MAGIC_NUMBER or not flags and (mtime, size) != (int(stat.st_mtime), stat.st_size):
            print(os.path.relpath(source, sys.argv[1]))
"""


class Wrong(Exception):
    """The channel is not what it should be."""


def all(channel: Path, work: Path, cache: Path) -> None:
    """Every trial; the first that fails ends it."""
    jupyter(channel, work / "jupyter", cache)
    older(channel, work / "older", cache)
    foreign(channel, cache)
    cuda(channel, cache)
    odd(channel, work / "odd", cache)
    shutil.rmtree(work, ignore_errors=True)


def run(prefix: Path, *command: str) -> str:
    done = subprocess.run(
        [prefix / "bin" / command[0], *command[1:]],
        capture_output=True, text=True, env=clean() | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1"},
    )  # fmt: skip
    if done.returncode:
        raise Wrong(f"{' '.join(command)[:200]}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def jupyter(channel: Path, prefix: Path, cache: Path) -> None:
    """The reference environment of DESIGN.md §8."""
    found = make([channel], JUPYTER, prefix, cache)
    run(prefix, "python", "-W", "ignore", "-c", f"import {MODULES}, numpy, pandas, scipy.linalg, sklearn, matplotlib.pyplot")
    version = run(prefix, "jupyter", "lab", "--version")
    archives = sum(record.size for record in found)
    installed = sum(path.lstat().st_size for path in prefix.rglob("*") if not path.is_dir())
    say(f"{len(found)} packages, {archives / 1e6:.0f} MB of archives, {installed / 1e6:.0f} MB installed: JupyterLab {version}")
    stale = set(run(prefix, "python", "-c", STALE, str(prefix)).split())
    replaced = [path["_path"] for path in listed(prefix) if path.get("prefix_placeholder")]
    if stale != {path for path in replaced if path.endswith(".py")}:
        raise Wrong(f"the shipped bytecode is stale of {stale}, but only replacing the prefix should make it so")
    for path in replaced:
        if PLACEHOLDER.encode() in (prefix / path).read_bytes():
            raise Wrong(f"the placeholder is still in {path}")


def listed(prefix: Path) -> list[dict]:
    """The paths of every package of a prefix."""
    records = [json.loads(path.read_text()) for path in sorted((prefix / "conda-meta").glob("*.json"))]
    return [path for record in records for path in record["paths_data"]["paths"]]


def older(channel: Path, prefix: Path, cache: Path) -> None:
    """Python 3.9, the other one of the matrix."""
    found = make([channel], ["python 3.9.*", "numpy", "pandas", "requests", "ipython"], prefix, cache)
    run(prefix, "python", "-W", "ignore", "-c", f"import {MODULES}, numpy, pandas, requests, IPython")
    say(f"{len(found)} packages with {run(prefix, 'python', '-V')}")


def foreign(channel: Path, cache: Path) -> None:
    """linux-aarch64 is solved, not run."""
    for minor in ("3.11", "3.9"):
        found = records([channel], [f"python {minor}.*", "numpy", "pandas", "requests"], cache, "linux-aarch64")
        subdirs = {record.subdir for record in found}
        if subdirs != {"linux-aarch64", "noarch"}:
            raise Wrong(f"linux-aarch64 with Python {minor} takes packages of {subdirs}")
        say(f"{len(found)} packages for linux-aarch64 with Python {minor}")


def cuda(channel: Path, cache: Path) -> None:
    """The GPU decides which build of PyTorch is taken, and `cuda-version` which CUDA."""
    for driver, pins, wanted in [
        (None, [], "cpu_generic_py311_h1234567_0"),
        ("12.0", [], "cuda129_mkl_py311_h1234567_300"),
        ("13.0", [], "cuda130_mkl_py311_h1234567_300"),
        ("12.4", ["cuda-version 12.4.*", "pytorch 2.4.*"], "cuda124_py311_200"),
        ("12.4", ["cuda-version 11.8.*", "pytorch 2.4.*"], "cuda118_py311_200"),
    ]:
        found = records([channel], ["python 3.11.*", "pytorch", *pins], cache, more={"__cuda": driver} if driver else {})
        (build,) = [str(record.build) for record in found if record.name.normalized == "pytorch"]
        if build != wanted:
            raise Wrong(f"with __cuda {driver} and {pins} PyTorch is {build}, not {wanted}")


def odd(channel: Path, prefix: Path, cache: Path) -> None:
    """All odd packages together, as rattler installs them."""
    names = set()
    for subdir in ("linux-64", "noarch"):
        repodata = json.loads((channel / subdir / "repodata.json").read_text())
        for table in ("packages", "packages.conda"):
            names |= {record["name"] for record in repodata[table].values() if record["name"].startswith("odd-")}
    make([channel], ["python 3.11.*", *sorted(names - ALONE.keys())], prefix, cache)
    for program in ("odd-entry", "odd-inner", "odd-script", "odd-shebang"):
        run(prefix, program)
    run(prefix, "python", "-c", "import odd_alone, odd_hash, odd_stale; assert odd_stale.VALUE == 'new'")
    say(f"{len(names)} odd packages")
