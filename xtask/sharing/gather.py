#!/usr/bin/env python3
"""Gathers what `src/year.json` holds: which packages ten images would have had in each week of a year.

    cargo build --release --package imgbuild --package sharing
    python3 xtask/sharing/gather.py --uv target/wheels/tools/bin/uv --work /tmp/sharing

The images stand below. Each is locked once by imgbuild, which says its Debian packages. Their versions through the year come from the
changelogs inside the packages: an upload for the security suite counts from its own day on, one for the stable suite from the next
point release on, which is the first Saturday at least five days after the upload of `base-files` for it. Sizes, and which packages
there are, are those of today, since a mirror has no older ones.

The wheels of each week are what `uv pip compile --exclude-newer` resolves for that week's Monday. Their sizes are the index's;
installed sizes are read from the zips' central directories, by requests for a part of a file.

Only the indexes and mirrors that this machine's uv and apt use are asked. What was asked for once is kept below `--work`, so that an
interrupted run goes on where it was. It takes half an hour, most of it for 530 resolutions.
"""

import argparse
import concurrent.futures
import datetime as dt
import email.utils
import gzip
import json
import os
import pathlib
import re
import struct
import subprocess
import tarfile
import tomllib
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
FIRST = dt.date(2025, 12, 1)
WEEKS = 53
SUITE = "trixie"

# Each image: what its spec says beside its name and Python, Debian packages of the base, and the wheels that it asks for.
IMAGES = {
    "quickstart": ("jupyter = true", [], ["numpy"]),
    "six-packages": ("", [], ["numpy", "pandas", "scipy", "matplotlib", "requests"]),
    "web-service": ("", [], ["fastapi", "uvicorn", "sqlalchemy", "httpx", "psycopg[binary]"]),
    "model-service": ("", [], ["scikit-learn", "pandas", "fastapi", "uvicorn"]),
    "workbench": ("jupyter = true\nssh = true", ["git", "less", "tmux", "vim-tiny"], ["numpy", "matplotlib"]),
    "teaching": ("jupyter = true", ["git"], ["numpy", "pandas", "scipy", "scikit-learn", "matplotlib"]),
    "torch": ("", [], ["torch", "numpy"]),
    "torch-service": ("", [], ["torch", "numpy", "fastapi", "uvicorn"]),
    "transformers": ("", [], ["torch", "transformers", "datasets", "accelerate", "pandas"]),
    "ai-dev": (
        "jupyter = true\nssh = true",
        ["git", "less", "tmux", "vim-tiny"],
        ["torch", "transformers", "datasets", "numpy", "pandas", "matplotlib"],
    ),
}


def weeks():
    return [FIRST + dt.timedelta(weeks=week) for week in range(WEEKS)]


def run(*words, **more):
    return subprocess.run([str(word) for word in words], check=True, stdout=subprocess.PIPE, **more).stdout


def locked(work, imgbuild, name):
    """The lock of an image's Debian packages, and the wheels that imgbuild asks for by itself."""
    head, packages, _ = IMAGES[name]
    folder = work / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    spec, lock = folder / f"{name}.toml", folder / f"{name}.lock"
    if not lock.exists():
        spec.write_text(
            f'name = "{name}"\nplatforms = ["linux/amd64"]\npython = {{ version = "3.13", from = "debian" }}\n{head}\n'
            f'[base]\ndebian = "{SUITE}"\npackages = {json.dumps(packages)}\n[pip]\npackages = ["six"]\n'
        )
        run(imgbuild, "lock", "--quiet", spec, env={**os.environ, "IMGBUILD_CACHE": str(work / "cache")})
    return lock


def wheels_of_week(work, uv, name, day):
    """Name, version, size and address of each wheel that a rebuild on that day would have locked."""
    head, _, wanted = IMAGES[name]
    folder = work / "wheels" / name
    folder.mkdir(parents=True, exist_ok=True)
    found = folder / f"{day}.toml"
    if not found.exists():
        asked = folder / "asked.in"
        # What imgbuild adds for Jupyter.
        asked.write_text("\n".join([*wanted, *(["jupyterlab", "pip"] if "jupyter" in head else [])]) + "\n")
        compile = [uv, "pip", "compile", "--quiet", "--format", "pylock.toml", "--only-binary", ":all:", "--no-python-downloads"]
        compile += ["--python-version", "3.13", "--python-platform", "x86_64-manylinux_2_40"]
        compile += ["--cache-dir", work / "uv", "--exclude-newer", f"{day}T00:00:00Z", asked]
        text = run(*compile)
        found.write_bytes(text)
    packages = tomllib.loads(found.read_text())["packages"]
    return [chosen(package) for package in packages]


def chosen(package):
    """The wheel of a package that pip would take: the most specific one."""

    def rank(wheel):
        *_, python, abi, platform = wheel["url"].rsplit("/", 1)[1].removesuffix(".whl").split("-")
        own = 3 if abi == "cp313" else 2 if abi == "abi3" else 1
        glibc = max([int(it) for it in re.findall(r"manylinux_2_(\d+)_", platform)] or [0])
        minor = max([int(it) for it in re.findall(r"3(\d+)", python)] or [0])
        return (own, platform != "any", minor, glibc)

    wheel = max(package["wheels"], key=rank)
    return (package["name"], package["version"], wheel["size"], wheel["url"])


def installed_size(url, size):
    """The sum of the sizes in the central directory of a wheel, of which only that is fetched."""

    def part(start, end):
        asked = urllib.request.Request(url, headers={"Range": f"bytes={start}-{end - 1}"})
        with urllib.request.urlopen(asked, timeout=180) as answer:
            return answer.read()

    start = max(0, size - (64 << 10))
    tail = part(start, size)
    at = tail.rindex(b"PK\5\6")
    length, offset = struct.unpack_from("<II", tail, at + 12)
    if 0xFFFFFFFF in (length, offset):
        length, offset = struct.unpack_from("<QQ", tail, tail.rindex(b"PK\6\6") + 40)
    directory = tail[offset - start :] if offset >= start else part(offset, offset + length)
    total, at = 0, 0
    while at < length:
        if directory[at : at + 4] != b"PK\1\2":
            raise ValueError(f"{url}: no central directory")
        (uncompressed,) = struct.unpack_from("<I", directory, at + 24)
        name, extra, comment = struct.unpack_from("<HHH", directory, at + 28)
        if uncompressed == 0xFFFFFFFF:
            fields = directory[at + 46 + name : at + 46 + name + extra]
            while struct.unpack_from("<H", fields)[0] != 1:
                fields = fields[4 + struct.unpack_from("<H", fields, 2)[0] :]
            (uncompressed,) = struct.unpack_from("<Q", fields, 4)
        total += uncompressed
        at += 46 + name + extra + comment
    return total


def changelog(archive):
    """The entries of the changelog in a Debian package: version, suite and time of each; nothing where it has none."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as unpacked:
        text = None
        with tarfile.open(fileobj=unpacked.stdout, mode="r|") as tar:
            for entry in tar:
                if re.search(r"/doc/[^/]+/changelog(\.Debian)?\.gz$", entry.name) and entry.isfile():
                    packed = tar.extractfile(entry).read()
                    # Debian's own, where there is one of upstream's as well.
                    if text is None or entry.name.endswith("changelog.Debian.gz"):
                        text = packed
    if text is None:
        return []
    lines = gzip.decompress(text).decode(errors="replace")
    entries = re.finditer(r"^\S+ \((\S+)\) ([^;\n]+);.*?^ -- .*?>  (.*?)$", lines, re.M | re.S)
    return [(it[1], it[2].split()[0], email.utils.parsedate_to_datetime(it[3]).date()) for it in entries]


def point_releases(entries):
    """The days of the point releases, by the uploads of `base-files`."""
    uploads = [day for _, suite, day in entries if suite == SUITE]
    first = [day + dt.timedelta(days=5) for day in uploads]
    return sorted(day + dt.timedelta(days=(5 - day.weekday()) % 7) for day in first)


def updates(entries, releases):
    """The days on which the suite's users got each update of a source package."""
    days = set()
    for _, suite, day in entries:
        if suite == SUITE:
            days.update([it for it in releases if it > day][:1])
        elif suite == f"{SUITE}-security":
            days.add(day)
    return sorted(days)


def roles(work, sharing, lock):
    """The role and the installed size of each Debian package of a lock, as imgbuild has them."""
    return json.loads(run(sharing, "roles", lock))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--uv", default="uv")
    arguments.add_argument("--programs", type=pathlib.Path, default=HERE.parents[1] / "target/release")
    arguments.add_argument("--work", type=pathlib.Path, required=True)
    arguments = arguments.parse_args()
    work = arguments.work

    debian, of_image, source_days, entries_of = {}, {}, {}, {}
    for name in IMAGES:
        lock = locked(work, arguments.programs / "imgbuild", name)
        of_package = roles(work, arguments.programs / "sharing", lock)
        of_image[name] = sorted(of_package)
        for package in tomllib.loads(lock.read_text())["debian"]:
            record = package["record"]
            field = lambda key, other: (re.findall(rf"^{key}: (\S+)", record, re.M) or [other])[0]
            known = {
                "name": package["name"],
                "source": field("Source", package["name"]),
                "size": package["size"],
                "role": of_package[package["name"]][0],
                "installed": of_package[package["name"]][1],
            }
            if debian.setdefault(package["name"], known) != known:
                raise ValueError(f"{package['name']} is not the same in all images")
            if "deb13u" in package["version"] and not entries_of.get(known["source"]):
                archive = work / "cache/archives" / package["sha256"].removeprefix("sha256:")
                entries_of[known["source"]] = changelog(archive)
    releases = point_releases(entries_of["base-files"])
    for source, entries in sorted(entries_of.items()):
        if not entries:
            print(f"{source}: no changelog in any of its packages")
        source_days[source] = updates(entries, releases)

    days = weeks()
    resolved = {}
    for name in IMAGES:
        for day in days:
            resolved[name, day] = wheels_of_week(work, arguments.uv, name, day)
        print(name, len(resolved[name, days[0]]), "wheels,", len(of_image[name]), "Debian packages", flush=True)
    wheels = sorted({wheel for found in resolved.values() for wheel in found})
    sizes_at = work / "sizes.json"
    sizes = json.loads(sizes_at.read_text()) if sizes_at.exists() else {}
    missing = [wheel for wheel in wheels if wheel[3] not in sizes]
    print(len(missing), "central directories", flush=True)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for wheel, size in zip(missing, pool.map(lambda it: installed_size(it[3], it[2]), missing)):
            sizes[wheel[3]] = size
            if len(sizes) % 100 == 0:
                sizes_at.write_text(json.dumps(sizes))
    sizes_at.write_text(json.dumps(sizes))

    number = {wheel: index for index, wheel in enumerate(wheels)}
    names = {name: index for index, name in enumerate(sorted(debian))}
    images = []
    for name in IMAGES:
        before, changes = set(), []
        for day in days:
            now = {number[wheel] for wheel in resolved[name, day]}
            changes.append([sorted(now - before), sorted(before - now)])
            before = now
        images.append({"name": name, "debian": [names[it] for it in of_image[name]], "wheels": changes})
    week_of = lambda day: sum(1 for monday in days[1:] if monday >= day)
    of_source = {
        source: sorted({WEEKS - week_of(day) for day in found if days[0] < day <= days[-1]})
        for source, found in source_days.items()
    }
    rows = lambda table: ",\n".join("  " + json.dumps(row, separators=(",", ":")) for row in table)
    packages = [debian[name] for name in sorted(debian)]
    text = "\n".join(
        [
            "{",
            f'"first":"{days[0]}","weeks":{WEEKS},',
            '"updates":' + json.dumps({k: v for k, v in sorted(of_source.items()) if v}, separators=(",", ":")) + ",",
            '"debian":[\n' + rows([[it[key] for key in ("name", "source", "role", "size", "installed")] for it in packages]) + "\n],",
            '"wheels":[\n' + rows([[name, version, size, sizes[url]] for name, version, size, url in wheels]) + "\n],",
            '"images":[\n' + rows(images) + "\n]",
            "}\n",
        ]
    )
    (HERE / "src/year.json").write_text(text)
    print(len(text), "bytes,", len(packages), "Debian packages,", len(wheels), "wheels")


if __name__ == "__main__":
    main()
