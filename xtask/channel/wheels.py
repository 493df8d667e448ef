"""Wheels of PyPI, repacked as conda packages.

A pure wheel becomes `noarch: python` with its entry points in `info/link.json`; any other one a package of its
platform with bytecode and scripts. Sources: the wheel specification (PyPA), conda's CEP on noarch packages.
"""

import base64
import configparser
import csv
import email
import hashlib
import io
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from archive import MOMENT, PLACEHOLDER, Entry, Package
from environment import clean
from interpreters import SITE_PACKAGES, bytecode

HERE = Path(__file__).resolve().parent

# The names that conda-forge spells otherwise than PyPI's normal form.
NAMES = {
    "ipython-pygments-lexers": "ipython_pygments_lexers",
    "jupyter-client": "jupyter_client",
    "jupyter-core": "jupyter_core",
    "jupyter-events": "jupyter_events",
    "jupyter-server": "jupyter_server",
    "jupyter-server-terminals": "jupyter_server_terminals",
    "jupyterlab-pygments": "jupyterlab_pygments",
    "jupyterlab-server": "jupyterlab_server",
    "matplotlib": "matplotlib-base",
    "prometheus-client": "prometheus_client",
    "pure-eval": "pure_eval",
    "stack-data": "stack_data",
    "typing-extensions": "typing_extensions",
    "tzdata": "python-tzdata",
}

# Packages that the channel has as `.tar.bz2`: small ones, for bzip2 is slow.
AS_TAR_BZ2 = {"six", "idna", "attrs", "traitlets", "markupsafe", "kiwisolver", "wheel", "pytz", "tornado", "pyyaml"}

PLATFORMS = {
    "linux-64": [f"manylinux_2_{n}_x86_64" for n in (28, 27, 26, 24, 17, 12, 5)]
    + [f"manylinux{n}_x86_64" for n in ("2014", "2010", "1")],
    "linux-aarch64": [f"manylinux_2_{n}_aarch64" for n in (28, 27, 26, 24, 17)] + ["manylinux2014_aarch64"],
}


@dataclass(frozen=True)
class Wheel:
    """A wheel, and the lists that name it: (subdir, minor) pairs."""

    path: Path
    lists: tuple[tuple[str, str], ...]

    @property
    def pure(self) -> bool:
        return self.path.name.endswith("-none-any.whl")


def pip_platform(subdir: str, minor: str) -> list[str]:
    """pip's arguments that choose the wheels of another machine."""
    arguments = ["--only-binary", ":all:", "--implementation", "cp", "--python-version", minor]
    arguments += [f"--abi={abi}" for abi in (f"cp{minor.replace('.', '')}", "abi3", "none")]
    return arguments + [f"--platform={platform}" for platform in PLATFORMS[subdir]]


def download(folder: Path) -> list[Wheel]:
    """The wheels of every list under `wheels/`, each by its sha256."""
    lists: dict[Path, list[tuple[str, str]]] = {}
    for file in sorted((HERE / "wheels").glob("*.txt")):
        subdir, minor = re.fullmatch(r"(linux-\w+)-(3\.\d+)(?:-\w+)?", file.stem).groups()
        place = folder / file.stem
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            + ["--require-hashes", "--dest", place, "--requirement", file, *pip_platform(subdir, minor)],
            env=clean(),
            check=True,
            stdout=sys.stderr,
        )
        wanted = {line.split("sha256:")[1].strip() for line in file.read_text().splitlines() if "sha256:" in line}
        for path in sorted(place.glob("*.whl")):
            if hashlib.sha256(path.read_bytes()).hexdigest() in wanted:
                lists.setdefault(path, []).append((subdir, minor))
    return merged(lists)


def merged(lists: dict[Path, list[tuple[str, str]]]) -> list[Wheel]:
    """A pure wheel that several lists name is one package; another one is one for each Python."""
    by_name: dict[str, Wheel] = {}
    for path, named in lists.items():
        key = path.name if path.name.endswith("-none-any.whl") else str(path)
        known = by_name.get(key, Wheel(path, ()))
        by_name[key] = replace(known, lists=tuple(sorted({*known.lists, *named})))
    return list(by_name.values())


def repack(wheel: Wheel, pythons: dict[str, Path]) -> Package:
    """The conda package of a wheel."""
    with zipfile.ZipFile(wheel.path) as archive:
        files = {head.filename: (head, archive.read(head)) for head in archive.infolist() if not head.is_dir()}
    info = next(name.split("/")[0] for name in files if name.endswith(".dist-info/METADATA"))
    metadata = email.message_from_bytes(files[f"{info}/METADATA"][1])
    moment = max([MOMENT, *(stamp(head) for head, _ in files.values())])
    subdir, minor = wheel.lists[0]
    site = "site-packages" if wheel.pure else SITE_PACKAGES["3.11"].replace("3.11", minor)
    scripts = "python-scripts" if wheel.pure else "bin"
    points = entry_points(files.get(f"{info}/entry_points.txt", (None, b""))[1].decode())
    entries = placed(files, info, site, scripts)
    if not wheel.pure:
        sources = {entry.path: entry.data for entry in entries if entry.path.endswith(".py")}
        compiled = bytecode(sources, moment, pythons[minor], minor)
        # Some wheels ship bytecode of their own; what conda-build compiles takes its place.
        made = {entry.path for entry in compiled}
        entries = [entry for entry in entries if entry.path not in made] + compiled
        entries += [launcher(point) for point in points]
    entries.append(Entry(f"{site}/{info}/INSTALLER", b"conda\n"))
    entries.append(record(entries, f"{site}/{info}/RECORD", site))
    name = conda_name(metadata["Name"])
    return Package(
        name=name,
        version=metadata["Version"],
        build="pyhd8ed1ab_0" if wheel.pure else f"py{minor.replace('.', '')}_0",
        subdir="noarch" if wheel.pure else subdir,
        noarch="python" if wheel.pure else None,
        depends=depends(metadata, wheel),
        license=(metadata["License-Expression"] or "LicenseRef-see-dist-info"),
        moment=moment,
        entry_points=points if wheel.pure else [],
        entries=sorted(entries, key=lambda entry: entry.path),
        form=".tar.bz2" if name in AS_TAR_BZ2 else ".conda",
    )


def stamp(head: zipfile.ZipInfo) -> int:
    return int(datetime(*head.date_time, tzinfo=timezone.utc).timestamp())


def placed(files: dict, info: str, site: str, scripts: str) -> list[Entry]:
    """The members of a wheel where conda has them."""
    data = info.removesuffix(".dist-info") + ".data"
    entries = []
    for name, (head, body) in files.items():
        mode = 0o755 if (head.external_attr >> 16) & 0o111 else 0o644
        if name in (f"{info}/RECORD", f"{info}/INSTALLER"):
            continue
        if not name.startswith(f"{data}/"):
            entries.append(Entry(f"{site}/{name}", body, mode))
            continue
        kind, rest = name.removeprefix(f"{data}/").split("/", 1)
        if kind == "scripts":
            entries.append(script(f"{scripts}/{rest}", body))
        else:
            place = {"data": "", "purelib": f"{site}/", "platlib": f"{site}/", "headers": "include/"}[kind]
            entries.append(Entry(place + rest, body, mode))
    return entries


def script(path: str, body: bytes) -> Entry:
    """A script of a wheel, where `#!python` stands for the interpreter."""
    if not body.startswith(b"#!python"):
        return Entry(path, body, 0o755)
    rest = body.split(b"\n", 1)[1]
    return Entry(path, f"#!{PLACEHOLDER}/bin/python\n".encode() + rest, 0o755, prefix="text")


def entry_points(text: str) -> list[str]:
    """The console scripts, as `link.json` writes them."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str
    parser.read_string(text)
    if not parser.has_section("console_scripts"):
        return []
    without_extras = {name: value.split("[")[0].strip() for name, value in parser.items("console_scripts")}
    return sorted(f"{name} = {value}" for name, value in without_extras.items())


def launcher(point: str) -> Entry:
    """The script of an entry point, in the form of conda's own template."""
    name, target = (part.strip() for part in point.split("=", 1))
    module, function = target.split(":")
    body = (
        f"#!{PLACEHOLDER}/bin/python\n# -*- coding: utf-8 -*-\nimport re\nimport sys\n\n"
        f"from {module} import {function.split('.')[0]}\n\nif __name__ == '__main__':\n"
        "    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])\n"
        f"    sys.exit({function}())\n"
    )
    return Entry(f"bin/{name}", body.encode(), 0o755, prefix="text")


def record(entries: list[Entry], path: str, site: str) -> Entry:
    """RECORD of what is installed, paths relative to site-packages."""
    up = "../" * len(PurePosixPath(site).parts)
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    for entry in sorted(entries, key=lambda entry: entry.path):
        inside = entry.path.startswith(f"{site}/")
        name = entry.path.removeprefix(f"{site}/") if inside else up + entry.path
        if entry.path.endswith(".pyc") or entry.prefix:
            rows.writerow([name, "", ""])
        else:
            digest = base64.urlsafe_b64encode(hashlib.sha256(entry.data).digest()).decode().rstrip("=")
            rows.writerow([name, f"sha256={digest}", len(entry.data)])
    rows.writerow([path.removeprefix(f"{site}/"), "", ""])
    return Entry(path, out.getvalue().encode())


def conda_name(name: str) -> str:
    normal = canonicalize_name(name)
    return NAMES.get(normal, normal)


def depends(metadata: email.message.Message, wheel: Wheel) -> list[str]:
    """`Requires-Dist` and `Requires-Python` in conda's words, for every Python whose list names the wheel.

    Extras are left out, for conda has none.
    """
    specs = set()
    for subdir, minor in wheel.lists:
        wanted = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
        specs |= {
            conda_spec(requirement.name, requirement.specifier)
            for requirement in wanted
            if holds(requirement, subdir, minor)
        }
    if wheel.pure:
        return [conda_spec("python", SpecifierSet(metadata["Requires-Python"] or "")), *sorted(specs)]
    _, minor = wheel.lists[0]
    major, number = minor.split(".")
    python = [f"python >={minor},<{major}.{int(number) + 1}.0a0", f"python_abi {minor}.* *_cp{major}{number}"]
    return ["__glibc >=2.17,<3.0.a0", "libgcc-ng >=12", *python, *sorted(specs)]


def holds(requirement: Requirement, subdir: str, minor: str) -> bool:
    if requirement.marker is None:
        return True
    machine = {"linux-64": "x86_64", "linux-aarch64": "aarch64"}[subdir]
    patch = {"3.11": "2", "3.9": "2"}[minor]
    return requirement.marker.evaluate(
        {
            "extra": "",
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{minor}.{patch}",
            "python_version": minor,
            "sys_platform": "linux",
        }
    )


def conda_spec(name: str, specifier: SpecifierSet) -> str:
    parts = sorted(re.sub(r"^==(.*\.\*)$", r"\1", str(part)) for part in specifier)
    return f"{conda_name(name)} {','.join(parts)}".strip()
