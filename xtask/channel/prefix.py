"""Solving and installing with rattler, to compile bytecode and to try the finished channel."""

import asyncio
import shutil
import sys
import warnings
from pathlib import Path

from rattler import Gateway, GenericVirtualPackage, PackageName, RepoDataRecord, SourceConfig, Version, install, solve
from rattler.package.build_string import BuildString

# A machine that the channel is made for: Debian 12, no GPU.
MACHINE = {"__unix": "0", "__linux": "6.1", "__glibc": "2.36"}


async def solved(channels: list[Path], specs: list[str], subdir: str, machine: dict[str, str], cache: Path):
    gateway = Gateway(cache_dir=cache / "repodata", default_config=SourceConfig(cache_action="no-cache"))
    virtual = [GenericVirtualPackage(PackageName(n), Version(v), BuildString("0")) for n, v in machine.items()]
    return await solve(
        [channel.as_uri() for channel in channels],
        specs,
        gateway=gateway,
        platforms=[subdir, "noarch"],
        virtual_packages=virtual,
    )


def records(
    channels: list[Path], specs: list[str], cache: Path, subdir: str = "linux-64", more: dict[str, str] | None = None
) -> list[RepoDataRecord]:
    """What rattler's solver takes for `specs`; `more` are further virtual packages."""
    return asyncio.run(solved(channels, specs, subdir, MACHINE | (more or {}), cache))


def make(channels: list[Path], specs: list[str], prefix: Path, cache: Path) -> list[RepoDataRecord]:
    """A new prefix for this machine. Packages are cached under `cache` only, by hash."""
    shutil.rmtree(prefix, ignore_errors=True)
    found = records(channels, specs, cache)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        asyncio.run(install(found, prefix, cache_dir=cache / "packages", show_progress=False))
    return found


def say(text: str) -> None:
    """A line of progress."""
    print(f"channel: {text}", file=sys.stderr, flush=True)
