"""What Python reads of tars and zips: a JSON object of each archive's entries, or of why there are none."""

import hashlib
import json
import sys
import tarfile
import zipfile
from pathlib import Path


# Some archives are sparse, or bombs.
LARGEST = 16 << 20


def small(size):
    if size > LARGEST:
        raise ValueError(f"a member has {size} bytes")


def tar(path):
    entries = []
    with tarfile.open(path, "r:") as archive:
        for member in archive:
            kind = (
                "folder" if member.isdir() else "link" if member.issym() else "hard link" if member.islnk()
                else "file" if member.isreg() else "special"
            )
            small(member.size)
            content = archive.extractfile(member).read() if kind == "file" else b""
            entries.append([member.name, kind, member.linkname if "link" in kind else "", content])
    return entries


def zip(path):
    entries = []
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            kind = "folder" if member.is_dir() else "file"
            small(member.file_size)
            entries.append([member.filename, kind, "", archive.read(member)])
    return entries


found = {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    if path.suffix in (".tar", ".zip"):
        try:
            entries = tar(path) if path.suffix == ".tar" else zip(path)
            for entry in entries:
                entry[3] = hashlib.sha256(entry[3]).hexdigest()
                entry[0] = entry[0].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            found[path.name] = {"entries": entries}
        except Exception as error:
            found[path.name] = {"error": f"{type(error).__name__}: {error}"}
print(json.dumps(found))
