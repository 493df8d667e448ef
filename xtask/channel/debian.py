"""Debian's archive, read without apt: signed release, hashed index, hashed pool file.

The mirror is the one that this machine's own apt uses; a release that is older than the machine's is found on it too.
"""

import functools
import hashlib
import io
import lzma
import os
import re
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from archive import Entry, resolve

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class Missing(Exception):
    """Something that this machine lacks; the text says what to do."""


def get(url: str) -> bytes:
    for attempt in range(4):
        try:
            with urllib.request.urlopen(url, timeout=180) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            if error.code < 500 or attempt == 3:
                raise
        except OSError:
            if attempt == 3:
                raise
        time.sleep(2**attempt)
    raise AssertionError


def addresses() -> list[str]:
    """The archives that apt's sources name, one-line and deb822 form alike."""
    found = []
    lists = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for path in lists:
        if path.suffix not in (".list", ".sources") or not path.is_file():
            continue
        for line in path.read_text().splitlines():
            if path.suffix == ".sources":
                words = line.split()[1:] if line.startswith("URIs:") else []
            else:
                words = re.findall(r"^deb\s+(?:\[[^\]]*\]\s+)?(\S+)", line)
            found += [word.rstrip("/") for word in words if word.startswith(("http:", "https:"))]
    return list(dict.fromkeys(found))


class Suite:
    """One release of Debian, its index verified."""

    def __init__(self, name: str, downloads: Path):
        self.name = name
        self.downloads = downloads
        if not KEYRING.is_file():
            raise Missing(f"`{KEYRING}` is missing; install the package `debian-archive-keyring`")
        for self.mirror in addresses():
            try:
                signed = get(f"{self.mirror}/dists/{name}/InRelease")
                break
            except OSError:
                continue
        else:
            raise Missing(f"no mirror in /etc/apt/sources.list* has Debian's `{name}`; add a Debian mirror there")
        self.release = verify(signed, name)

    def index(self, path: str) -> bytes:
        """A file of the release, by the hash that the release states."""
        section = self.release.split("\nSHA256:\n", 1)[1]
        found = re.search(rf"^ ([0-9a-f]{{64}}) +\d+ {re.escape(path)}$", section, re.M)
        if not found:
            raise Missing(f"Debian's `{self.name}` has no `{path}`")
        folder = path.rsplit("/", 1)[0]
        return self.fetch(f"dists/{self.name}/{folder}/by-hash/SHA256/{found[1]}", found[1])

    @functools.cache
    def packages(self, arch: str) -> dict[str, dict[str, str]]:
        text = lzma.decompress(self.index(f"main/binary-{arch}/Packages.xz")).decode()
        return {record["Package"]: record for record in stanzas(text)}

    def deb(self, name: str, arch: str) -> tuple[str, bytes]:
        """A package's version and its archive."""
        record = self.packages(arch).get(name)
        if not record:
            raise Missing(f"Debian's `{self.name}` has no package `{name}` for `{arch}`")
        return record["Version"], self.fetch(record["Filename"], record["SHA256"])

    def source(self, name: str) -> tuple[str, bytes]:
        """The upstream tarball of a source package."""
        text = lzma.decompress(self.index("main/source/Sources.xz")).decode()
        for record in stanzas(text):
            if record["Package"] != name:
                continue
            for line in record["Checksums-Sha256"].split("\n"):
                digest, _, file = (line.split() + ["", "", ""])[:3]
                if ".orig.tar." in file and not file.endswith(".asc"):
                    return file, self.fetch(f"{record['Directory']}/{file}", digest)
        raise Missing(f"Debian's `{self.name}` has no upstream tarball of `{name}`")

    def fetch(self, path: str, digest: str) -> bytes:
        """A file of the mirror, by its sha256, kept under that name."""
        kept = self.downloads / digest
        if kept.is_file():
            return kept.read_bytes()
        body = get(f"{self.mirror}/{path}")
        if hashlib.sha256(body).hexdigest() != digest:
            raise Missing(f"`{path}` of the Debian mirror has not the sha256 `{digest}`; try again later")
        self.downloads.mkdir(parents=True, exist_ok=True)
        part = self.downloads / f".{digest}.{os.getpid()}"
        part.write_bytes(body)
        part.rename(kept)
        return body


def verify(signed: bytes, name: str) -> str:
    """The text of an `InRelease`, once a key of Debian's keyring has signed it."""
    try:
        done = subprocess.run(
            ["gpgv", "--keyring", str(KEYRING), "--output", "-", "-"], input=signed, capture_output=True
        )
    except FileNotFoundError:
        raise Missing("`gpgv` is missing; install the package `gpgv`") from None
    if done.returncode:
        print(done.stderr.decode(), file=sys.stderr)
        raise Missing(f"the signature of Debian's `{name}` does not hold; update `debian-archive-keyring`")
    return done.stdout.decode()


def stanzas(text: str):
    for block in text.split("\n\n"):
        if block.strip():
            fields = re.findall(r"^([A-Za-z0-9-]+):[ ]?(.*(?:\n[ \t].*)*)", block, re.M)
            yield dict(fields)


@dataclass(frozen=True)
class Contents:
    """What `.deb`s hold, by path; a later one wins."""

    version: str
    entries: dict[str, Entry]


def contents(suite: Suite, arch: str, names: list[str]) -> Contents:
    """The entries of several packages, the version that of the first."""
    version, entries = "", {}
    for name in names:
        found, deb = suite.deb(name, arch)
        version = version or found
        entries |= {entry.path: entry for entry in unpack(deb)}
    return Contents(upstream(version), entries)


def upstream(version: str) -> str:
    """`1:1.2.13.dfsg-1+deb12u1` is `1.2.13`."""
    version = re.sub(r"^\d+:", "", version).rsplit("-", 1)[0]
    return re.split(r"[+~]|\.dfsg", version)[0]


def unpack(deb: bytes) -> list[Entry]:
    for name, data in members(deb):
        if name.startswith("data.tar"):
            body = {"xz": lzma.decompress, "": lambda data: data}[name[9:]](data)
            with tarfile.open(fileobj=io.BytesIO(body)) as archive:
                return [entry for head in archive if (entry := read(archive, head))]
    raise Missing("a .deb without data.tar")


def members(ar: bytes):
    """The members of an `ar` archive, deb(5)."""
    at = 8
    while at + 60 <= len(ar):
        name, size = ar[at : at + 16].decode().strip().rstrip("/"), int(ar[at + 48 : at + 58])
        yield name, ar[at + 60 : at + 60 + size]
        at += 60 + size + size % 2


def read(archive: tarfile.TarFile, head: tarfile.TarInfo) -> Entry | None:
    path = head.name.removeprefix("./")
    if head.isfile():
        return Entry(path, archive.extractfile(head).read(), head.mode, mtime=int(head.mtime))
    if head.issym():
        return Entry(path, kind="softlink", target=head.linkname)
    if head.islnk():
        return Entry(path, kind="hardlink", target=head.linkname.removeprefix("./"), mode=head.mode)
    return None


def link_target(entry: Entry) -> str:
    """Where a link of a `.deb` points, as a path without the leading slash."""
    if entry.kind == "hardlink":
        return entry.target
    if entry.target.startswith("/"):
        return entry.target.lstrip("/")
    return resolve(PurePosixPath(entry.path).parent, entry.target)
