"""`repodata.json` and `repodata.json.zst` of a channel, from the archives that stand in it."""

import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import zstandard

SUBDIRS = ["linux-64", "linux-aarch64", "noarch"]


def write(channel: Path, given: dict[str, dict] | None = None) -> int:
    """Writes the index of every subdir and returns the number of packages.

    `given` holds records by file name for archives that cannot be read, and hashes that do not hold (the hostile
    channel).
    """
    count = 0
    for subdir in SUBDIRS:
        folder = channel / subdir
        folder.mkdir(parents=True, exist_ok=True)
        data = {
            "info": {"subdir": subdir},
            "packages": {},
            "packages.conda": {},
            "removed": [],
            "repodata_version": 1,
        }
        third: dict[str, dict] = {"tar.bz2": {}, "conda": {}, "whl": {}}
        for path in sorted(folder.iterdir()):
            if path.name.endswith((".conda", ".tar.bz2")):
                form = "conda" if path.name.endswith(".conda") else "tar.bz2"
                found = record(path, (given or {}).get(path.name))
                if found.pop("schema_version", 1) == 3:
                    third[form][path.name.removesuffix(f".{form}")] = found
                else:
                    data["packages.conda" if form == "conda" else "packages"][path.name] = found
                count += 1
        if any(third.values()):
            # CEP 48: what older clients cannot read stands apart, and they see none of it.
            data["v3"] = third
            data["info"]["repodata_revisions"] = {"v3": {"n_packages": sum(map(len, third.values()))}}
        text = (json.dumps(data, sort_keys=True, separators=(",", ":")) + "\n").encode()
        replace(folder / "repodata.json", text)
        replace(folder / "repodata.json.zst", zstandard.ZstdCompressor(level=19).compress(text))
    return count


def replace(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    part.rename(path)


def record(path: Path, given: dict | None) -> dict:
    """A package's record: its `index.json`, and the hashes and size of the archive."""
    body = path.read_bytes()
    fields = given or index(path)
    hashes = {"md5": hashlib.md5(body).hexdigest(), "sha256": hashlib.sha256(body).hexdigest(), "size": len(body)}
    return hashes | {key: value for key, value in fields.items() if value is not None}


def index(path: Path) -> dict:
    """`info/index.json` of an archive."""
    if path.name.endswith(".conda"):
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.startswith("info-"))
            about = archive.read(name)
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(about)) as plain:
            return from_tar(tarfile.open(fileobj=plain, mode="r|"))
    return from_tar(tarfile.open(path, mode="r|bz2"))


def from_tar(archive: tarfile.TarFile) -> dict:
    for head in archive:
        if head.name == "info/index.json":
            return json.load(archive.extractfile(head))
    raise ValueError("an archive without info/index.json")
