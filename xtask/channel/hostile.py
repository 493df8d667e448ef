"""The hostile channel: one attack a package, each with hashes in the index that hold.

A build that meets one must fail, name it, and leave nothing behind. The names begin with `hostile-`.
"""

import bz2
import hashlib
import io
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import zstandard

import repodata
from archive import Entry, Package, conda, dump, index, info, member, stored, tar, tar_bz2, zipped, zstd

BOMB = 4 << 30


def entry(path: str = "share/hostile.txt", body: bytes = b"hostile\n", **more: object) -> Entry:
    return Entry(path, body, **more)


def package(name: str, entries: list[Entry], **more: object) -> Package:
    return Package(f"hostile-{name}", "1.0", **({"noarch": "generic"} | more), entries=entries)


def plain(name: str, entries: list[Entry], **more: object) -> tuple[Package, bytes]:
    """A package whose contents are the attack."""
    made = package(name, entries, **more)
    return made, tar_bz2(made) if made.form == ".tar.bz2" else conda(made)


def with_body(name: str, listed: list[Entry], body: bytes, form: str = ".conda") -> tuple[Package, bytes]:
    """A package whose tar is given, and whose `paths.json` names `listed`."""
    made = package(name, listed, form=form)
    return made, zipped(made.stem, zstd(body, 9), zstd(tar(made, info(made)), 9))


def with_members(name: str, heads: list[tuple[tarfile.TarInfo, bytes]], listed: list[Entry]) -> tuple[Package, bytes]:
    """A package with tar headers as they are given."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for head, body in heads:
            archive.addfile(head, io.BytesIO(body))
    return with_body(name, listed, out.getvalue())


def special(path: str, kind: bytes) -> tuple[tarfile.TarInfo, bytes]:
    head = tarfile.TarInfo(path)
    head.type, head.mode = kind, 0o644
    head.devmajor, head.devminor = 1, 3
    return head, b""


def outside() -> list[tuple[Package, bytes]]:
    """Paths and links that leave the prefix."""
    escape = [Entry("share/out", kind="softlink", target="../../../../../../tmp"), entry("share/out/hostile.txt")]
    etc = [Entry("share/etc", kind="softlink", target="/etc"), entry("share/etc/hostile.txt")]
    return [
        plain("dotdot", [entry("../hostile.txt")]),
        plain("dotdot-inside", [entry("share/../../hostile.txt")], form=".tar.bz2"),
        plain("dotdot-noarch", [entry("site-packages/../../../../../hostile.py")], noarch="python", depends=["python"]),
        plain("absolute", [entry("/etc/hostile.txt")]),
        plain("symlink-relative", escape),
        plain("symlink-etc", etc),
        plain("symlink-etc-bz2", etc, form=".tar.bz2"),
        plain("hardlink", [Entry("share/passwd", kind="hardlink", target="../../etc/passwd")]),
        plain("hardlink-absolute", [Entry("share/passwd", kind="hardlink", target="/etc/passwd")]),
        # One of the two alone is only strange; together they write below /etc.
        plain("two-link", [Entry("share/hostile-two", kind="softlink", target="/etc")]),
        plain("two-write", [entry("share/hostile-two/hostile.txt")], depends=["hostile-two-link"]),
        *(points(name, point) for name, point in ENTRY_POINTS.items()),
    ]


ENTRY_POINTS = {
    "entry-point": "../x = hostile:main",
    "entry-point-absolute": "/tmp/x = hostile:main",
    "entry-point-folder": "a/b = hostile:main",
    "entry-point-code": "x = hostile:main);import os;os.abort(",
}


def points(name: str, point: str) -> tuple[Package, bytes]:
    module = entry("site-packages/hostile.py", b"def main():\n    return 0\n")
    return plain(name, [module], noarch="python", depends=["python"], entry_points=[point])


def kinds() -> list[tuple[Package, bytes]]:
    """Members that no package holds."""
    return [
        with_members("device", [special("share/null", tarfile.CHRTYPE)], [entry("share/null", b"")]),
        with_members("block-device", [special("share/disk", tarfile.BLKTYPE)], [entry("share/disk", b"")]),
        with_members("fifo", [special("share/pipe", tarfile.FIFOTYPE)], [entry("share/pipe", b"")]),
    ]


def lies() -> list[tuple[Package, bytes]]:
    """Archives that are not what `paths.json` says."""
    short, long = entry(), entry(body=b"hostile\n" * 1000)
    twice = package("duplicate", [short, entry(body=b"another\n")])
    body = tar(twice, twice.entries)
    return [
        with_body("longer", [short], tar(twice, [long])),
        with_body("shorter", [long], tar(twice, [short])),
        with_body("wrong-hash", [short], tar(twice, [entry(body=b"HOSTILE\n")])),
        with_body("duplicate", [short], body),
        with_body("absent", [short, entry("share/absent.txt")], tar(twice, [short])),
        with_body("unlisted", [short], tar(twice, [short, entry("share/unlisted.txt")])),
        with_body("kind", [short], tar(twice, [Entry(short.path, kind="softlink", target="elsewhere")])),
        plain("short-placeholder", [entry("lib/short.bin", b"\0/short/lib\0", prefix="binary", placeholder="/short")]),
        identity(),
    ]


def identity() -> tuple[Package, bytes]:
    """The archive of another package under this one's name."""
    made = package("identity", [entry()])
    return made, conda(replace(made, name="hostile-other"))


def bombs() -> list[tuple[Package, bytes]]:
    """A few kilobytes that become gigabytes: undeclared, declared, in bzip2, and in the info part."""
    declared = package("bomb-declared", [])
    rows = {"_path": "share/bomb", "path_type": "hardlink", "sha256": "0" * 64, "size_in_bytes": BOMB}
    declared.extra_info = {"info/paths.json": dump({"paths": [rows], "paths_version": 1})}
    small = package("bomb", [entry("share/bomb")])
    about = package("bomb-info", [entry()])
    old = package("bomb-bz2", [entry("share/bomb")], form=".tar.bz2")
    return [
        (small, zipped(small.stem, zeros("share/bomb"), zstd(tar(small, info(small)), 9))),
        (declared, zipped(declared.stem, zeros("share/bomb"), zstd(tar(declared, info(declared)), 9))),
        (about, zipped(about.stem, zstd(tar(about, about.entries), 9), zeros("info/paths.json"))),
        (old, zeros_bz2(old)),
    ]


def header(path: str, size: int) -> bytes:
    head = tarfile.TarInfo(path)
    head.size = size
    return head.tobuf(tarfile.GNU_FORMAT)


def zeros(path: str) -> bytes:
    """A `.tar.zst` of one file of zeros."""
    out = io.BytesIO()
    with zstandard.ZstdCompressor(level=3).stream_writer(out, closefd=False) as stream:
        stream.write(header(path, BOMB))
        for _ in range(BOMB >> 20):
            stream.write(bytes(1 << 20))
        stream.write(bytes(1024))
    return out.getvalue()


def zeros_bz2(made: Package) -> bytes:
    """A `.tar.bz2` with an honest info part and one file of zeros."""
    compressor = bz2.BZ2Compressor(9)
    about = b"".join(blocks(member(one, made.moment)) for one in info(made))
    parts = [compressor.compress(about + header("share/bomb", BOMB // 4))]
    parts += [compressor.compress(bytes(1 << 20)) for _ in range(BOMB >> 22)]
    return b"".join([*parts, compressor.compress(bytes(1024)), compressor.flush()])


def blocks(one: tuple[tarfile.TarInfo, io.BytesIO | None]) -> bytes:
    head, body = one
    data = body.read() if body else b""
    return head.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512)


def ambiguous() -> list[tuple[Package, bytes]]:
    """Archives that two readers may read differently."""
    twice, name, size, deflated = (
        package(name, [entry()]) for name in ("zip-twice", "zip-name", "zip-size", "zip-deflated")
    )
    return [
        (twice, zip_twice(twice)),
        (name, conda(name).replace(b"pkg-hostile", b"pkg-HOSTILE", 1)),
        (size, zip_size(size)),
        (deflated, zip_deflated(deflated)),
        with_body("pax-size", [entry()], pax_size(entry())),
    ]


def zip_twice(made: Package) -> bytes:
    """Two members of one name, with different contents."""
    evil = replace(made, entries=[entry(body=b"another\n")])
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(stored("metadata.json"), b'{"conda_pkg_format_version": 2}')
        for version in (made, evil):
            archive.writestr(stored(f"pkg-{made.stem}.tar.zst"), zstd(tar(version, version.entries), 9))
        archive.writestr(stored(f"info-{made.stem}.tar.zst"), zstd(tar(made, info(made)), 9))
    return out.getvalue()


def zip_deflated(made: Package) -> bytes:
    """A member that is compressed by the zip, which the format forbids."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", b'{"conda_pkg_format_version": 2}')
        archive.writestr(f"pkg-{made.stem}.tar.zst", zstd(tar(made, made.entries), 9))
        archive.writestr(f"info-{made.stem}.tar.zst", zstd(tar(made, info(made)), 9))
    return out.getvalue()


def zip_size(made: Package) -> bytes:
    """The local header of the second member states another size than the central directory."""
    data = bytearray(conda(made))
    at = data.index(b"PK\x03\x04", 4)
    length = struct.unpack_from("<I", data, at + 22)[0]
    struct.pack_into("<II", data, at + 18, length - 7, length - 7)
    return bytes(data)


def pax_size(one: Entry) -> bytes:
    """A PAX record that gives a file's size as 4, where the header says 8."""
    record = b"10 size=4\n"
    extended = tarfile.TarInfo("PaxHeaders/hostile")
    extended.type, extended.size = tarfile.XHDTYPE, len(record)
    head = tarfile.TarInfo(one.path)
    head.size = len(one.data)
    return (
        extended.tobuf(tarfile.USTAR_FORMAT) + record + bytes(512 - len(record))
        + head.tobuf(tarfile.USTAR_FORMAT) + one.data + bytes(512 - len(one.data)) + bytes(1024)
    )  # fmt: skip


def broken() -> list[tuple[Package, bytes]]:
    """Archives that end too early."""
    noise = entry(body=b"".join(hashlib.sha256(bytes([n % 256, n // 256])).digest() for n in range(3000)))
    whole, body = plain("truncated", [noise])
    old, old_body = plain("truncated-bz2", [noise], form=".tar.bz2")
    inner = package("truncated-inside", [noise])
    cut = zstd(tar(inner, inner.entries), 9)
    return [
        (whole, body[: len(body) * 2 // 3]),
        (old, old_body[: len(old_body) * 2 // 3]),
        (inner, zipped(inner.stem, cut[: len(cut) // 2], zstd(tar(inner, info(inner)), 9))),
        (package("nothing", []), b""),
    ]


GROUPS: list[Callable[[], list[tuple[Package, bytes]]]] = [outside, kinds, lies, bombs, ambiguous, broken]


def write(channel: Path) -> None:
    """Makes the channel in an empty folder."""
    records = {}
    (channel / "noarch").mkdir()
    for group in GROUPS:
        for made, body in group():
            (channel / "noarch" / made.file_name).write_bytes(body)
            records[made.file_name] = index(made)
    # The one whose hash in the index does not hold.
    wrong, body = plain("wrong-sha256", [entry()])
    (channel / "noarch" / wrong.file_name).write_bytes(body)
    records[wrong.file_name] = index(wrong) | {"sha256": hashlib.sha256(b"another archive").hexdigest()}
    repodata.write(channel, records)
