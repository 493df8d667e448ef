"""The libraries under CPython, repacked from Debian's packages under the names that conda-forge gives them."""

import re
import subprocess
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from archive import Entry, Package
from debian import Contents, Suite, contents, link_target

TRIPLES = {"linux-64": "x86_64-linux-gnu", "linux-aarch64": "aarch64-linux-gnu"}
ARCHES = {"linux-64": "amd64", "linux-aarch64": "arm64"}
GLIBC = {"bookworm": "2.36", "bullseye": "2.31"}


@dataclass(frozen=True)
class Library:
    """A conda package and the Debian packages that it is made of; the first one gives the version."""

    name: str
    debs: list[str]
    depends: list[str] = field(default_factory=list)
    license: str = "BSD-3-Clause"
    form: str = ".conda"


LIBRARIES = [
    Library("libgcc-ng", ["libgcc-s1"], ["_libgcc_mutex 0.1 main"], "GPL-3.0-only WITH GCC-exception-3.1"),
    Library("libgomp", ["libgomp1"], ["_libgcc_mutex 0.1 main"], "GPL-3.0-only WITH GCC-exception-3.1"),
    Library("libstdcxx-ng", ["libstdc++6"], ["libgcc-ng"], "GPL-3.0-only WITH GCC-exception-3.1"),
    Library("libzlib", ["zlib1g", "zlib1g-dev"], [], "Zlib"),
    Library("bzip2", ["libbz2-1.0", "libbz2-dev", "bzip2"], [], "bzip2-1.0.6", ".tar.bz2"),
    Library("liblzma", ["liblzma5", "liblzma-dev"], [], "0BSD"),
    Library("xz", ["xz-utils"], ["liblzma"], "0BSD AND LGPL-2.1-or-later", ".tar.bz2"),
    Library("libffi", ["libffi8", "libffi-dev"], [], "MIT", ".tar.bz2"),
    Library("libexpat", ["libexpat1", "libexpat1-dev"], [], "MIT"),
    Library("libuuid", ["libuuid1", "uuid-dev"], [], "BSD-3-Clause"),
    Library("libxcrypt", ["libcrypt1", "libcrypt-dev"], [], "LGPL-2.1-or-later"),
    Library("ncurses", ["libncursesw6", "libncurses6", "libtinfo6", "libncurses-dev", "ncurses-base"], [], "X11"),
    Library("readline", ["libreadline8", "libreadline-dev"], ["ncurses"], "GPL-3.0-only", ".tar.bz2"),
    Library("libsqlite", ["libsqlite3-0", "libsqlite3-dev"], ["libzlib"], "blessing"),
    Library("openssl", ["libssl3", "libssl-dev", "openssl"], ["ca-certificates"], "Apache-2.0"),
]

# What Debian's 3.9 for arm64 is linked against where it differs from bookworm.
BULLSEYE = [
    Library("libffi", ["libffi7"], [], "MIT", ".tar.bz2"),
    Library("openssl", ["libssl1.1"], ["ca-certificates"], "OpenSSL"),
]


def library(suite: Suite, subdir: str, wanted: Library) -> Package:
    """One library as a conda package of `subdir`."""
    found = contents(suite, ARCHES[subdir], wanted.debs)
    moment = max(entry.mtime for entry in found.entries.values() if entry.mtime)
    return Package(
        name=wanted.name,
        version=found.version,
        build=f"{suite.name}_0",
        subdir=subdir,
        depends=[f"__glibc >={GLIBC[suite.name]},<3.0.a0", *wanted.depends],
        license=wanted.license,
        moment=moment,
        entries=into_prefix(found, TRIPLES[subdir]),
        form=wanted.form,
    )


def into_prefix(found: Contents, triple: str) -> list[Entry]:
    """Debian's layout becomes a prefix's: one lib, one include, no documentation."""
    places = {path: place for path in found.entries if (place := prefix_path(path, triple))}
    entries: dict[str, Entry] = {}
    for path, place in sorted(places.items()):
        entry = found.entries[path]
        if entry.kind == "file":
            entries[place] = replace(entry, path=place, data=with_rpath(place, entry.data), mtime=None)
            continue
        target = places.get(link_target(entry))
        if target is None or target == place:
            continue  # into what is not taken over, such as /etc/alternatives
        if entry.kind == "softlink":
            target = relative(place, target)
        entries[place] = replace(entry, path=place, target=target, mtime=None)
    return in_tar_order(entries)


def in_tar_order(entries: dict[str, Entry]) -> list[Entry]:
    """Sorted, but no hardlink stands before what it links to."""
    first = [entry for _, entry in sorted(entries.items()) if entry.kind != "hardlink"]
    return first + [entry for _, entry in sorted(entries.items()) if entry.kind == "hardlink"]


def prefix_path(path: str, triple: str) -> str | None:
    path = re.sub(r"^(usr/)?(s?bin|lib|include|share)/", r"\2/", path)
    path = re.sub(rf"^(lib|include)/{triple}/", r"\1/", path)
    if path.startswith("lib/terminfo/"):
        path = "share/" + path.removeprefix("lib/")
    if path.startswith("include/ncursesw/") or path.endswith((".a", ".la")):
        return None
    if path.startswith(("lib/", "include/", "bin/", "share/terminfo/", "share/zoneinfo/")):
        return None if path.startswith(("lib/ssl/", "lib/valgrind/")) else path
    return None


def relative(place: str, target: str) -> str:
    here, there = PurePosixPath(place).parent.parts, PurePosixPath(target).parts
    common = 0
    while common < min(len(here), len(there) - 1) and here[common] == there[common]:
        common += 1
    return "/".join([".."] * (len(here) - common) + list(there[common:]))


def with_rpath(place: str, data: bytes) -> bytes:
    """Shared objects and programs find their neighbours by `$ORIGIN`, as conda-build makes them."""
    if data[:4] != b"\x7fELF" or data[16:18] != b"\x03\x00" or b".dynamic\0" not in data or place.endswith(".o"):
        return data
    up = "/.." * (place.count("/"))
    rpath = "$ORIGIN" if PurePosixPath(place).parent == PurePosixPath("lib") else f"$ORIGIN{up}/lib"
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(data)
        subprocess.run(["patchelf", "--set-rpath", rpath, file.name], check=True)
        return Path(file.name).read_bytes()


def mutexes(subdir: str) -> list[Package]:
    """The packages of conda-forge that hold nothing and only choose."""
    return [
        Package("_libgcc_mutex", "0.1", "main", subdir=subdir, form=".tar.bz2", license="None"),
        Package(
            "_openmp_mutex", "4.5", "2_gnu", 16, subdir, depends=["_libgcc_mutex 0.1 main", "libgomp >=7.5.0"], form=".tar.bz2"
        ),
    ]


def certificates(suite: Suite) -> Package:
    """`ssl/cacert.pem`, the certificates of Debian's `ca-certificates` in one file."""
    found = contents(suite, "amd64", ["ca-certificates"])
    crts = [e for path, e in sorted(found.entries.items()) if path.endswith(".crt") and "/mozilla/" in path]
    return Package(
        "ca-certificates",
        f"{found.version[:4]}.{int(found.version[4:6])}.{int(found.version[6:8])}",
        "hbd8a1cb_0",
        noarch="generic",
        depends=["__unix"],
        license="MPL-2.0",
        moment=max(entry.mtime for entry in crts),
        entries=[
            Entry("ssl/cacert.pem", b"".join(entry.data.strip() + b"\n" for entry in crts)),
            Entry("ssl/cert.pem", kind="softlink", target="cacert.pem"),
        ],
    )


def zones(suite: Suite) -> Package:
    """`share/zoneinfo`."""
    found = contents(suite, "amd64", ["tzdata"])
    return Package(
        "tzdata",
        found.version,
        "0",
        noarch="generic",
        license="LicenseRef-Public-Domain",
        moment=max(entry.mtime for entry in found.entries.values() if entry.mtime),
        entries=into_prefix(found, "none"),
        form=".tar.bz2",
    )


def all_libraries(downloads: Path) -> list[Package]:
    """Every library of both platforms."""
    bookworm, bullseye = Suite("bookworm", downloads), Suite("bullseye", downloads)
    packages = [certificates(bookworm), zones(bookworm)]
    for subdir in TRIPLES:
        packages += mutexes(subdir)
        packages += [library(bookworm, subdir, wanted) for wanted in LIBRARIES]
    packages += [library(bullseye, "linux-aarch64", wanted) for wanted in BULLSEYE]
    return packages
