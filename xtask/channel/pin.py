"""Renews the lists under `wheels/`: resolves each with pip and writes name, version and sha256 of every wheel.

Run it by hand with the tools' Python: `target/channel-parts/tools/bin/python xtask/channel/pin.py`.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from environment import clean
from wheels import HERE, pip_platform

JUPYTER = [
    "jupyterlab==4.2.5",
    "numpy==2.0.2",
    "pandas==2.2.3",
    "scipy==1.13.1",
    "scikit-learn==1.5.2",
    "matplotlib==3.9.2",
    "ipykernel==6.29.5",
    "ipython==8.26.0",
    "pip",
    "setuptools==75.1.0",
    "wheel==0.44.0",
    "tqdm",
]

# pip takes the running interpreter's version for the markers, so what only Python 3.9 needs is named here.
ONLY_39 = ["exceptiongroup==1.2.2", "typing_extensions"]

# File, what is asked for, and whether its dependencies belong to the list.
LISTS = [
    ("linux-64-3.11", JUPYTER, True),
    ("linux-64-3.11-older", ["numpy==1.26.4", "idna==3.6", "tornado==6.4.1", "six==1.16.0"], False),
    ("linux-64-3.9", ["numpy==2.0.2", "pandas==2.2.3", "requests", "jinja2", "ipython", "tqdm", *ONLY_39], True),
    ("linux-aarch64-3.11", ["numpy==2.0.2", "pandas==2.2.3", "requests", "jinja2", "pyyaml"], True),
    ("linux-aarch64-3.9", ["numpy==2.0.2", "pandas==2.2.3", "requests", "jinja2"], True),
]


def pin(name: str, wanted: list[str], dependencies: bool) -> None:
    subdir, minor = name.removesuffix("-older").rsplit("-", 1)
    with tempfile.TemporaryDirectory() as work:
        report = Path(work, "report.json")
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--target", work]
            + ["--report", report, *([] if dependencies else ["--no-deps"]), *pip_platform(subdir, minor), *wanted],
            env=clean(),
            check=True,
        )
        found = json.loads(report.read_text())["install"]
    rows = sorted(
        f"{row['metadata']['name'].lower()}=={row['metadata']['version']}"
        f" --hash=sha256:{row['download_info']['archive_info']['hashes']['sha256']}"
        for row in found
    )
    head = f"# Made by pin.py from: {' '.join(wanted)}\n"
    (HERE / "wheels" / f"{name}.txt").write_text(head + "\n".join(rows) + "\n")


if __name__ == "__main__":
    for arguments in LISTS:
        print(arguments[0], file=sys.stderr)
        pin(*arguments)
