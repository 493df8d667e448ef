"""Makes the test channel: `make.py TARGET`, with TARGET the workspace's `target/`.

Each part is made in a folder of its own under `TARGET/channel-parts/` and made anew only when the files that it is
made from change; then all parts together become `TARGET/channel/`. `cargo xtask channel` calls this.
"""

import hashlib
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import frameworks
import hostile
import interpreters
import libraries
import odd
import prefix
import repodata
import small
import verify
import wheels
from archive import Package
from debian import Missing, Suite
from environment import clean
from prefix import say

HERE = Path(__file__).resolve().parent
SOURCES = {"3.11": ("bookworm", "python3.11", "3.11.2"), "3.9": ("bullseye", "python3.9", "3.9.2")}
LIBRARIES = ["archive.py", "debian.py", "libraries.py", "repodata.py", "tools.txt"]
INTERPRETERS = [*LIBRARIES, "cpython.py", "cpython.sh", "environment.py", "interpreters.py", "prefix.py"]
# Only how bytecode is made, not the interpreter's package: its version decides the bytes.
BYTECODE = ["archive.py", "environment.py", "interpreters.py", "tools.txt"]


class Parts:
    """The folders of the parts, each with the hash of what it was made from."""

    def __init__(self, target: Path):
        self.target = target
        self.folder = target / "channel-parts"
        self.downloads = self.folder / "downloads"
        self.cache = self.folder / "cache"
        self.pool = ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn"))

    def part(self, name: str, files: list[str], make: Callable[[Path], None]) -> Path:
        """The folder of a part, made if one of `files` has changed since."""
        place, wanted = self.folder / name, key(files)
        stamp = place / ".stamp"
        if stamp.is_file() and stamp.read_text() == wanted:
            return place
        say(f"making {name}")
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        make(place)
        stamp.write_text(wanted)
        return place

    def write(self, place: Path, packages: list[Package]) -> None:
        """Writes packages on every core."""
        waiting = [self.pool.submit(package.write, place) for package in packages]
        finish(waiting)


def key(files: list[str]) -> str:
    whole = hashlib.sha256()
    for name in sorted(set(files)):
        data = (HERE / name).read_bytes()
        whole.update(f"{name} {len(data)}\n".encode() + data)
    return whole.hexdigest()


def finish(waiting: list[Future]) -> None:
    """Waits for all, and says after every 25th how far it is."""
    for done, future in enumerate(waiting, 1):
        future.result()
        if done % 25 == 0 or done == len(waiting) > 1:
            say(f"  {done} of {len(waiting)} packages")


def make_libraries(parts: Parts, place: Path) -> None:
    parts.write(place, libraries.all_libraries(parts.downloads))
    repodata.write(place)


def compile_cpython(parts: Parts, channel: Path, minor: str, place: Path) -> None:
    """One CPython, by a process of its own; its long log stays in the folder."""
    suite, source, version = SOURCES[minor]
    name, data = Suite(suite, parts.downloads).source(source)
    if f"_{version}.orig.tar." not in name:
        raise Missing(f"Debian's `{suite}` has `{name}`, not {version}; change SOURCES in make.py")
    tarball = place / name
    tarball.write_bytes(data)
    log = place / "log.txt"
    with log.open("wb") as out:
        done = subprocess.run(
            [sys.executable, HERE / "cpython.py", channel, tarball, version, place], stdout=out, stderr=out, env=clean()
        )
    tarball.unlink()
    if done.returncode:
        raise Missing(f"CPython {version} does not compile; see `{log}`")


def make_interpreters(parts: Parts, base: Path, raw: dict[str, Path], place: Path) -> None:
    """The compiled ones first: they make the bytecode of Debian's."""
    archives = {minor: next(folder.glob("python-*.conda")) for minor, folder in raw.items()}
    parts.write(place, [interpreters.compiled(archive, minor) for minor, archive in archives.items()])
    repodata.write(place)
    for minor in SOURCES:
        prefix.make([base, place], [f"python {minor}.*"], python(place, minor).parents[1], parts.cache)
    foreign = [
        interpreters.repacked(Suite(SOURCES[minor][0], parts.downloads), minor, python(place, minor)) for minor in SOURCES
    ]
    parts.write(place, foreign)


def python(place: Path, minor: str) -> Path:
    """The interpreter that compiles the bytecode of other packages."""
    return place / f"prefix-{minor}" / "bin" / "python"


def make_wheels(parts: Parts, pythons: dict[str, Path], place: Path) -> None:
    found = wheels.download(parts.folder / "wheels-downloaded")
    largest_first = sorted(found, key=lambda wheel: -wheel.path.stat().st_size)
    finish([parts.pool.submit(repack, wheel, pythons, place) for wheel in largest_first])


def repack(wheel: wheels.Wheel, pythons: dict[str, Path], place: Path) -> None:
    wheels.repack(wheel, pythons).write(place)


def assemble(made: list[Path], channel: Path) -> int:
    """All parts as one channel, by hardlinks; the old one is replaced only when the new one is whole."""
    new, old = channel.with_name(".channel-new"), channel.with_name(".channel-old")
    for folder in (new, old):
        shutil.rmtree(folder, ignore_errors=True)
    for part in made:
        for subdir in repodata.SUBDIRS:
            (new / subdir).mkdir(parents=True, exist_ok=True)
            for archive in sorted((part / subdir).glob("*")):
                if archive.name.endswith((".conda", ".tar.bz2")):
                    os.link(archive, new / subdir / archive.name)
    count = repodata.write(new)
    if channel.exists():
        channel.rename(old)
    new.rename(channel)
    shutil.rmtree(old, ignore_errors=True)
    return count


def main(target: Path) -> None:
    parts = Parts(target)
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    base = parts.part("libraries", LIBRARIES, lambda place: make_libraries(parts, place))
    with ThreadPoolExecutor() as threads:
        raw = dict(zip(SOURCES, threads.map(lambda minor: compiled(parts, base, minor), SOURCES)))
    pythons = parts.part("interpreters", INTERPRETERS, lambda place: make_interpreters(parts, base, raw, place))
    programs = {minor: python(pythons, minor) for minor in SOURCES}
    lists = sorted(f"wheels/{path.name}" for path in (HERE / "wheels").glob("*.txt"))
    repacked = parts.part(
        "wheels", [*BYTECODE, "wheels.py", *lists], lambda place: make_wheels(parts, programs, place)
    )
    by_hand = parts.part(
        "small", ["archive.py", "small.py"], lambda place: parts.write(place, small.packages())
    )
    made_for_gpus = parts.part(
        "frameworks", ["archive.py", "fatbin.py", "frameworks.py"], lambda place: parts.write(place, frameworks.packages())
    )
    oddities = parts.part(
        "odd", [*BYTECODE, "odd.py"], lambda place: parts.write(place, odd.packages(programs))
    )
    channel = target / "channel"
    count = assemble([base, pythons, repacked, by_hand, made_for_gpus, oddities], channel)
    say(f"{count} packages in {channel}")
    attacks = parts.part("hostile", ["archive.py", "hostile.py", "repodata.py"], hostile.write)
    # `cargo xtask` puts its stamp into this one, for it comes last.
    shutil.rmtree(target / "channel-hostile", ignore_errors=True)
    shutil.copytree(attacks, target / "channel-hostile", ignore=shutil.ignore_patterns(".stamp"))
    verify.all(channel, parts.folder / "verify", parts.cache)
    shutil.rmtree(parts.cache)


def compiled(parts: Parts, base: Path, minor: str) -> Path:
    files = ["cpython.py", "cpython.sh", "tools.txt"]
    return parts.part(f"cpython-{minor}", files, lambda place: compile_cpython(parts, base, minor, place))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]).resolve())
    except (Missing, verify.Wrong) as error:
        sys.exit(f"error: {error}")
