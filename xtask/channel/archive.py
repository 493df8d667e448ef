"""Conda archives: what a package holds, and the two forms it is written in.

The forms are those of conda's own specification (CEP of the `.conda` format, `info/index.json`, `info/paths.json`,
`info/link.json`). Nothing here depends on the clock, the umask or the order of a folder: the same package gives the
same bytes for the same release of zstandard and Python.
"""

import bz2
import hashlib
import io
import json
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import zstandard

# What stands for the prefix in every package: 255 bytes, as long as conda-build makes it.
PLACEHOLDER = ("/home/imgbuild/channel/_h_env" + "_placehold" * 30)[:254] + "_"
assert len(PLACEHOLDER) == 255

# The moment all is made at, unless a package knows better: 2025-01-01T00:00:00Z, in seconds.
MOMENT = 1735689600


@dataclass(frozen=True)
class Entry:
    """One member of the package's tar.

    `prefix` is "text" or "binary" when the file holds `placeholder`; `listed` says whether `paths.json` names it.
    """

    path: str
    data: bytes = b""
    mode: int = 0o644
    kind: str = "file"  # file, softlink, hardlink, directory
    target: str = ""
    prefix: str | None = None
    placeholder: str = PLACEHOLDER
    no_link: bool = False
    listed: bool = True
    mtime: int | None = None


@dataclass
class Package:
    """A package, before it is an archive."""

    name: str
    version: str
    build: str = "0"
    build_number: int = 0
    subdir: str = "noarch"
    noarch: str | None = None  # generic, python
    depends: list[str] = field(default_factory=list)
    constrains: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)  # CEP 45
    extra_depends: dict[str, list[str]] = field(default_factory=dict)  # CEP 44
    license: str = "BSD-3-Clause"
    moment: int = MOMENT
    python_site_packages_path: str | None = None
    entry_points: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    extra_info: dict[str, bytes] = field(default_factory=dict)  # further files under info/
    form: str = ".conda"  # .conda, .tar.bz2
    tar_format: int = tarfile.PAX_FORMAT
    legacy: bool = False  # info/files, has_prefix and no_link instead of paths.json
    info_last: bool = False  # info/ at the end of a .tar.bz2, as old conda-builds did
    level: int = 9

    @property
    def stem(self) -> str:
        return f"{self.name}-{self.version}-{self.build}"

    @property
    def file_name(self) -> str:
        return self.stem + self.form

    def write(self, channel: Path) -> Path:
        """Writes the archive into its subdir of `channel`; a half-written one never bears the name."""
        folder = channel / self.subdir
        folder.mkdir(parents=True, exist_ok=True)
        body = conda(self) if self.form == ".conda" else tar_bz2(self)
        part = folder / f".{self.file_name}.part"
        part.write_bytes(body)
        return part.rename(folder / self.file_name)


def index(package: Package) -> dict:
    """`info/index.json`."""
    platform, arch = {
        "noarch": (None, None),
        "linux-64": ("linux", "x86_64"),
        "linux-aarch64": ("linux", "aarch64"),
    }[package.subdir]
    record = {
        "arch": arch,
        "build": package.build,
        "build_number": package.build_number,
        "constrains": sorted(package.constrains),
        "depends": package.depends,
        "license": package.license,
        "name": package.name,
        "platform": platform,
        "subdir": package.subdir,
        "timestamp": package.moment * 1000,
        "version": package.version,
    }
    if package.noarch:
        record["noarch"] = package.noarch
    if package.flags or package.extra_depends:
        # CEP 34, by CEP 45: what an index has below `v3`.
        record |= {"schema_version": 3, "flags": package.flags, "extra_depends": package.extra_depends}
    if package.python_site_packages_path:
        record["python_site_packages_path"] = package.python_site_packages_path
    return record


def paths(package: Package) -> dict:
    """`info/paths.json`, sorted by path as conda-build does it."""
    by_path = {entry.path: entry for entry in package.entries}
    rows = []
    for entry in sorted(package.entries, key=lambda entry: entry.path):
        if not entry.listed:
            continue
        if entry.kind == "directory":
            rows.append({"_path": entry.path, "path_type": "directory"})
            continue
        data = content(entry, by_path)
        row = {"_path": entry.path}
        if entry.no_link:
            row["no_link"] = True
        row["path_type"] = "softlink" if entry.kind == "softlink" else "hardlink"
        if entry.prefix:
            row |= {"file_mode": entry.prefix, "prefix_placeholder": entry.placeholder}
        row |= {"sha256": hashlib.sha256(data).hexdigest(), "size_in_bytes": len(data)}
        rows.append(row)
    return {"paths": rows, "paths_version": 1}


def content(entry: Entry, by_path: dict[str, Entry]) -> bytes:
    """What reading the path gives: of a link its target's content, of a dangling one nothing."""
    seen = set()
    while entry.kind in ("softlink", "hardlink") and entry.path not in seen:
        seen.add(entry.path)
        target = entry.target
        if entry.kind == "softlink":
            target = resolve(PurePosixPath(entry.path).parent, target)
        if target not in by_path:
            return b""
        entry = by_path[target]
    return entry.data if entry.kind == "file" else b""


def resolve(folder: PurePosixPath, target: str) -> str:
    parts: list[str] = []
    for part in (folder / target).parts:
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def info(package: Package) -> list[Entry]:
    """The members under `info/`."""
    files = {
        "info/index.json": dump(index(package)),
        "info/about.json": dump({"license": package.license, "summary": f"{package.name} of imgbuild's test channel"}),
        "info/files": "".join(
            f"{entry.path}\n" for entry in sorted(package.entries, key=lambda e: e.path) if entry.kind != "directory"
        ).encode(),
    }
    if package.legacy:
        if rows := [f'"{e.placeholder}" {e.prefix} "{e.path}"\n' for e in package.entries if e.prefix]:
            files["info/has_prefix"] = "".join(rows).encode()
        if rows := [f"{entry.path}\n" for entry in package.entries if entry.no_link]:
            files["info/no_link"] = "".join(rows).encode()
    else:
        files["info/paths.json"] = dump(paths(package))
    if package.noarch == "python":
        link = {"noarch": {"type": "python"}, "package_metadata_version": 1}
        if package.entry_points:
            link["noarch"]["entry_points"] = package.entry_points
        files["info/link.json"] = dump(link)
    files |= package.extra_info
    return [Entry(path, data) for path, data in sorted(files.items())]


def dump(value: object) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def tar(package: Package, entries: list[Entry]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=package.tar_format) as archive:
        for entry in entries:
            archive.addfile(*member(entry, package.moment))
    return out.getvalue()


def member(entry: Entry, moment: int) -> tuple[tarfile.TarInfo, io.BytesIO | None]:
    head = tarfile.TarInfo(entry.path)
    head.uname = head.gname = "root"
    head.mode = entry.mode
    head.mtime = moment if entry.mtime is None else entry.mtime
    if entry.kind == "file":
        head.size = len(entry.data)
        return head, io.BytesIO(entry.data)
    head.type = {"softlink": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE, "directory": tarfile.DIRTYPE}[entry.kind]
    if entry.kind == "softlink":
        head.mode = 0o777
    head.linkname = entry.target
    return head, None


def tar_bz2(package: Package) -> bytes:
    about = info(package)
    entries = package.entries + about if package.info_last else about + package.entries
    return bz2.compress(tar(package, entries), 9)


def conda(package: Package) -> bytes:
    return zipped(
        package.stem,
        zstd(tar(package, package.entries), package.level),
        zstd(tar(package, info(package)), package.level),
    )


def zipped(stem: str, pkg: bytes, about: bytes) -> bytes:
    """The outer archive: stored, the info part last, where a reader of the end finds it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in [
            ("metadata.json", b'{"conda_pkg_format_version": 2}'),
            (f"pkg-{stem}.tar.zst", pkg),
            (f"info-{stem}.tar.zst", about),
        ]:
            archive.writestr(stored(name), data)
    return out.getvalue()


def stored(name: str) -> zipfile.ZipInfo:
    head = zipfile.ZipInfo(name, date_time=(2025, 1, 1, 0, 0, 0))
    head.external_attr = 0o644 << 16
    return head


def zstd(data: bytes, level: int) -> bytes:
    return zstandard.ZstdCompressor(level=level).compress(data)
