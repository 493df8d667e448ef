"""Writes locks of one environment with the tools' own libraries: rattler's, which is pixi's, and conda-lock's.

Arguments: the channel, the folder to write into, and the match specs of the environment.
"""

import asyncio
import pathlib
import sys

from conda_lock.lockfile import write_conda_lock_file
from conda_lock.lockfile.v2prelim.models import HashModel, LockedDependency, Lockfile, LockMeta
from conda_lock.models.channel import Channel as LockedChannel
from rattler import (
    BuildString,
    Channel,
    GenericVirtualPackage,
    LockChannel,
    LockFile,
    LockPlatform,
    PackageName,
    Version,
    solve,
)

PLATFORMS = ["linux-64", "linux-aarch64"]
VIRTUAL = {"__unix": "0", "__linux": "5.10", "__glibc": "2.41"}


async def records(channel, platform, specs):
    virtual = [
        GenericVirtualPackage(PackageName(name), Version(version), BuildString("0"))
        for name, version in VIRTUAL.items()
    ]
    found = await solve([Channel(channel)], specs, platforms=[platform, "noarch"], virtual_packages=virtual)
    return sorted(found, key=lambda record: record.name.normalized)


def pixi(channel, solved):
    lock = LockFile([LockPlatform(name) for name in PLATFORMS])
    for environment in ["default", "other"]:
        lock.set_channels(environment, [LockChannel(channel)])
    for name, found in solved.items():
        for record in found:
            lock.add_conda_package("default", LockPlatform(name), record)
        # The other environment has one package, and one that only pip installs.
        lock.add_conda_package("other", LockPlatform(name), found[0])
        wheel = "https://files.example/sphinx-7.0-py3-none-any.whl"
        lock.add_pypi_package("other", LockPlatform(name), "sphinx", "7.0", wheel)
    return lock


def conda_lock(channel, solved):
    packages = [
        LockedDependency(
            name=record.name.normalized,
            version=str(record.version),
            manager="conda",
            platform=name,
            dependencies={spec.split()[0]: " ".join(spec.split()[1:]) for spec in record.depends},
            url=record.url,
            hash=HashModel(md5=record.md5.hex(), sha256=record.sha256.hex()),
            categories={"main", "dev"} if record.name.normalized == "python" else {"main"},
        )
        for name, found in solved.items()
        for record in found
    ]
    metadata = LockMeta(
        content_hash={name: "0" * 64 for name in PLATFORMS},
        channels=[LockedChannel.from_string(channel)],
        platforms=PLATFORMS,
        sources=["environment.yml"],
    )
    return Lockfile(package=packages, metadata=metadata)


async def main(channel, folder, *specs):
    solved = {name: await records(channel, name, specs) for name in PLATFORMS}
    pixi(channel, solved).to_path(folder / "pixi.lock")
    write_conda_lock_file(
        conda_lock(channel, solved), folder / "conda-lock.yml", metadata_choices=set(), include_help_text=True
    )
    # What `conda env export` prints: the packages sorted, each with version and build.
    lines = [f"  - {r.name.normalized}={r.version}={r.build}\n" for r in solved["linux-64"]]
    export = ["name: exported\n", "channels:\n", f"  - {channel}\n", "dependencies:\n", *lines]
    export.append("prefix: /home/somebody/miniconda3/envs/exported\n")
    (folder / "exported.yml").write_text("".join(export))


asyncio.run(main(sys.argv[1], pathlib.Path(sys.argv[2]), *sys.argv[3:]))
