"""Changes the environment that it runs in as conda would: what was asked for before and the pinned Python stay, a package comes,
and goes again.

Arguments: the channel, the package.
"""

import ast
import asyncio
import os
import sys
from pathlib import Path

from rattler import PrefixRecord, VirtualPackage, install, solve

channel, package = sys.argv[1:]
prefix = Path(os.environ["CONDA_PREFIX"])
meta = prefix / "conda-meta"


def held() -> list[PrefixRecord]:
    return [PrefixRecord.from_path(path) for path in sorted(meta.glob("*.json"))]


def said() -> list[str]:
    """The specs of `history` and of `pinned`."""
    lines = (meta / "history").read_text().splitlines()
    texts = [line.split(":", 1)[1] for line in lines if line.startswith("# update specs:")]
    asked = [spec for text in texts for spec in ast.literal_eval(text.strip())]
    return [*asked, *(meta / "pinned").read_text().split("\n")[:-1]]


async def change(specs: list[str]) -> set[str]:
    """Solves and installs; gives the names of what is there afterwards."""
    machine = [it.into_generic() for it in VirtualPackage.detect()]
    before = held()
    records = await solve([channel], specs, platforms=["linux-64", "noarch"], locked_packages=before, virtual_packages=machine)
    await install(records, prefix, cache_dir="/tmp/cache", installed_packages=before, show_progress=False)
    return {record.name.source for record in held()}


async def main() -> None:
    files = {path for path in prefix.rglob("*") if not path.is_dir()}
    before = {record.name.source for record in held()}
    added = await change([*said(), package])
    print("lost", sorted(before - added), "added", sorted(added - before))
    removed = await change(said())
    print("lost", sorted(before - removed), "added", sorted(removed - before))
    left = {path for path in prefix.rglob("*") if not path.is_dir()} - files
    print("left", sorted(str(path.relative_to(prefix)) for path in left if "__pycache__" not in path.parts))
    sys.stdout.flush()
    # What is done is done: py-rattler's threads now and then crash Python as it ends.
    os._exit(0)


asyncio.run(main())
