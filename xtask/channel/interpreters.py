"""The packages named `python`: the compiled ones, and Debian's own for linux-aarch64 in conda's layout."""

import io
import json
import os
import subprocess
import tarfile
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import zstandard

from archive import PLACEHOLDER, Entry, Package
from cpython import MOMENT, RUN
from debian import Suite, contents
from environment import clean
from libraries import GLIBC, into_prefix

SITE_PACKAGES = {"3.11": "lib/python3.11/site-packages", "3.9": None}


def compiled(archive: Path, minor: str) -> Package:
    """What rattler-build made, with the one placeholder, one moment for all files, and so with valid bytecode.

    The placeholder of rattler-build is as long, but holds the folder that it worked in; and it gives all files the
    moment of the build.
    """
    with zipfile.ZipFile(archive) as outer:
        names = {name.split("-", 1)[0]: name for name in outer.namelist()}
        info = members(outer.read(names["info"]))
        body = members(outer.read(names["pkg"]))
    about = json.loads(next(entry.data for entry in info if entry.path == "info/index.json"))
    listed = json.loads(next(entry.data for entry in info if entry.path == "info/paths.json"))["paths"]
    modes = {row["_path"]: row.get("file_mode") for row in listed}
    found = {row["prefix_placeholder"] for row in listed if "prefix_placeholder" in row}
    if {len(placeholder) for placeholder in found} != {len(PLACEHOLDER)}:
        raise ValueError(f"the placeholders of {archive.name} are not one of 255 bytes: {found}")
    (placeholder,) = found
    return Package(
        name="python",
        version=about["version"],
        build=about["build"],
        subdir="linux-64",
        depends=about["depends"],
        constrains=[f"python_abi {minor}.* *_cp{minor.replace('.', '')}"],
        license="Python-2.0",
        moment=MOMENT[minor],
        python_site_packages_path=about.get("python_site_packages_path"),
        entries=[
            replace(
                entry,
                data=entry.data.replace(placeholder.encode(), PLACEHOLDER.encode()),
                prefix=modes.get(entry.path),
                mtime=None,
            )
            for entry in sorted(body, key=lambda entry: entry.path)
        ],
    )


def members(compressed: bytes) -> list[Entry]:
    """The entries of a `.tar.zst`."""
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(compressed)) as plain:
        with tarfile.open(fileobj=io.BytesIO(plain.read())) as archive:
            return [member(archive, head) for head in archive]


def member(archive: tarfile.TarFile, head: tarfile.TarInfo) -> Entry:
    if head.issym():
        return Entry(head.name, kind="softlink", target=head.linkname)
    if head.islnk():
        return Entry(head.name, kind="hardlink", target=head.linkname)
    if head.isdir():
        return Entry(head.name, kind="directory", mode=head.mode)
    return Entry(head.name, archive.extractfile(head).read(), head.mode)


def repacked(suite: Suite, minor: str, python: Path) -> Package:
    """Debian's interpreter for arm64; it is there to be solved and built for, not to be run."""
    debs = [f"python{minor}-minimal", f"libpython{minor}-minimal", f"libpython{minor}-stdlib", f"python{minor}"]
    found = contents(suite, "arm64", debs)
    entries = [
        entry
        for entry in into_prefix(found, "aarch64-linux-gnu")
        if entry.path.startswith((f"lib/python{minor}/", f"bin/python{minor}")) and "EXTERNALLY" not in entry.path
    ]
    library = {entry.path: entry.data for entry in entries if entry.path.endswith(".py") and entry.kind == "file"}
    entries += bytecode(library, MOMENT[minor], python, minor)
    entries += [
        Entry("bin/python", kind="softlink", target=f"python{minor}"),
        Entry("bin/python3", kind="softlink", target=f"python{minor}"),
    ]
    depends = [spec for spec in RUN if not spec.startswith(("__glibc", "openssl", "libffi", "libxcrypt"))]
    depends += [f"__glibc >={GLIBC[suite.name]},<3.0.a0"]
    depends += {"3.11": ["openssl >=3.0,<4.0a0", "libffi >=3.4,<3.5.0a0"], "3.9": ["openssl 1.1.1*", "libffi 3.3.*"]}[minor]
    return Package(
        name="python",
        version=found.version,
        build="0_cpython",
        subdir="linux-aarch64",
        depends=sorted(depends),
        constrains=[f"python_abi {minor}.* *_cp{minor.replace('.', '')}"],
        license="Python-2.0",
        moment=MOMENT[minor],
        python_site_packages_path=SITE_PACKAGES[minor],
        entries=sorted(entries, key=lambda entry: entry.path),
    )


# Marshal's output depends on what else the process has seen, in 3.9 more than later: one bare fork for each file.
COMPILER = """
import os, py_compile, sys
root, prefix = sys.argv[1:]
for path in sys.stdin.read().split("\\0"):
    if os.fork() == 0:
        try:
            py_compile.compile(
                os.path.join(root, path), dfile=os.path.join(prefix, path), doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP,
            )
        except (py_compile.PyCompileError, SyntaxError, ValueError):
            pass
        os._exit(0)
    if os.wait()[1]:
        sys.exit(path)
"""


def bytecode(sources: dict[str, bytes], moment: int, python: Path, minor: str) -> list[Entry]:
    """The timestamp `.pyc` of each module by its path in the prefix; what does not compile is left without."""
    if not sources:
        return []
    with tempfile.TemporaryDirectory() as work:
        for path, data in sources.items():
            file = Path(work, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            os.utime(file, (moment, moment))
        subprocess.run(
            # Not -I: that would ignore the seed.
            [python, "-s", "-S", "-W", "ignore", "-c", COMPILER, work, PLACEHOLDER],
            cwd="/",
            env=clean() | {"PYTHONHASHSEED": "0"},
            input="\0".join(sorted(sources)).encode(),
            check=True,
        )
        return [
            Entry(str(pyc.relative_to(work)), pyc.read_bytes())
            for pyc in sorted(Path(work).rglob(f"*.cpython-{minor.replace('.', '')}.pyc"))
        ]
