"""Reads the packages of an environment as conda does, and compares what they hold with what the environment has."""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

from conda_package_handling import api

prefix, channel = Path(sys.argv[1]), Path(sys.argv[2])
packages = files = 0
for path in sorted((prefix / "conda-meta").glob("*.json")):
    record = json.loads(path.read_text())
    recorded = {it["_path"]: it for it in record["paths_data"]["paths"]}
    with tempfile.TemporaryDirectory() as folder:
        api.extract(str(channel / record["subdir"] / record["fn"]), dest_dir=folder)
        held = [it for it in Path(folder).rglob("*") if it.is_symlink() or not it.is_dir()]
        for file in held:
            name = file.relative_to(folder).as_posix()
            if name.startswith("info/"):
                continue
            if record.get("noarch") == "python":
                name = name.replace("site-packages/", "lib/python3.11/site-packages/", 1)
                name = name.replace("python-scripts/", "bin/", 1)
            entry, installed = recorded.pop(name), prefix / name
            if name.endswith(".pyc"):
                # What is stale in an archive is made anew.
                continue
            if file.is_symlink():
                assert installed.readlink() == file.readlink(), name
            elif not entry.get("file_mode"):
                assert installed.read_bytes() == file.read_bytes(), name
            else:
                digest = hashlib.sha256(installed.read_bytes()).hexdigest()
                assert digest == entry["sha256_in_prefix"], name
            files += 1
    # What is made when a package is installed, and is in no archive.
    made = {it["path_type"] for it in recorded.values()} - {"pyc_file", "unix_python_entry_point"}
    assert not made, (record["name"], recorded)
    packages += 1
print(packages > 10, files > 1000)
