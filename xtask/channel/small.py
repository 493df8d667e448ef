"""Small packages made by hand that stand for large ones: CUDA's version, PyTorch, and metapackages."""

from archive import PLACEHOLDER, Entry, Package

CUDA = {"11.8": "h70ddcb2_3", "12.4": "h3060b56_3"}


def packages() -> list[Package]:
    """All of them."""
    return [*python_abi(), *cuda_version(), *pytorch(), matplotlib(), *managers()]


def python_abi() -> list[Package]:
    """conda-forge's choice of an ABI."""
    return [
        Package(
            "python_abi", minor, f"8_cp{minor.replace('.', '')}", 8, noarch="generic",
            constrains=[f"python {minor}.* *_cpython"] if minor == "3.11" else [f"python {minor}.*"],
        )
        for minor in ("3.9", "3.11")
    ]  # fmt: skip


def cuda_version() -> list[Package]:
    """`cuda-version` holds nothing; it pins the toolkit and asks for a driver."""
    return [
        Package(
            "cuda-version", version, build, 3, noarch="generic", license="LicenseRef-NVIDIA",
            constrains=[f"cudatoolkit {version}|{version}.*", f"__cuda >={version.split('.')[0]}"],
        )
        for version, build in CUDA.items()
    ]  # fmt: skip


def pytorch() -> list[Package]:
    """A CPU build, and a better numbered one for each CUDA, which a machine without `__cuda` cannot have."""
    made = []
    for minor in ("3.9", "3.11"):
        compact = minor.replace(".", "")
        upper = f"3.{int(minor[2:]) + 1}"
        common = [f"python >={minor},<{upper}.0a0", f"python_abi {minor}.* *_cp{compact}", "numpy >=1.22,<3"]
        made.append(torch(minor, f"cpu_py{compact}_0", 0, common, None))
        for cuda in CUDA:
            wanted = [*common, "__cuda", f"cuda-version >={cuda},<{int(cuda.split('.')[0]) + 1}"]
            made.append(torch(minor, f"cuda{cuda.replace('.', '')}_py{compact}_200", 200, wanted, cuda))
    return made


def torch(minor: str, build: str, number: int, depends: list[str], cuda: str | None) -> Package:
    version = f'__version__ = "2.4.1"\ncuda = {cuda!r}\n'
    site = f"lib/python{minor}/site-packages"
    return Package(
        "pytorch", "2.4.1", build, number, "linux-64", depends=depends,
        entries=[
            Entry(f"{site}/torch/__init__.py", b"from torch import version\n\n__version__ = version.__version__\n"),
            Entry(f"{site}/torch/version.py", version.encode()),
            Entry(f"{site}/torch-2.4.1.dist-info/INSTALLER", b"conda\n"),
            Entry(f"{site}/torch-2.4.1.dist-info/METADATA", b"Metadata-Version: 2.1\nName: torch\nVersion: 2.4.1\n"),
        ],
    )  # fmt: skip


# What the real ones have where shells and people look for it; it says what it is, and changes nothing.
PROGRAM = """#!/bin/sh
if [ "$1 $2 $3" = "shell hook --shell" ]; then
    echo "NAME() { echo \\"stand-in NAME of $4: \\$*\\"; }"
else
    echo "stand-in NAME: $*"
fi
"""
FUNCTION = """export CONDA_EXE='PREFIX/bin/conda'
if [ -z "${CONDA_SHLVL+x}" ]; then
    export CONDA_SHLVL=0
    PATH="PREFIX/condabin:$PATH"
fi
conda() { echo "stand-in conda of a shell: $*"; }
"""


def managers() -> list[Package]:
    """Stand-ins for the programs that change environments: the real ones cannot be had from any registry."""
    script = Entry("etc/profile.d/conda.sh", FUNCTION.replace("PREFIX", PLACEHOLDER).encode(), prefix="text")
    return [
        Package(name, "0.1", "stand_in_0", noarch="generic", entries=[
            *(Entry(f"{folder}/{name}", PROGRAM.replace("NAME", name).encode(), 0o755) for folder in folders),
            *files,
        ])
        for name, folders, files in [
            ("conda", ["bin", "condabin"], [script]),
            ("mamba", ["bin", "condabin"], []),
            ("micromamba", ["bin"], []),
        ]
    ]  # fmt: skip


def matplotlib() -> Package:
    """conda-forge's metapackage over `matplotlib-base`."""
    return Package("matplotlib", "3.9.2", "py311_0", subdir="linux-64", depends=["matplotlib-base >=3.9.2,<3.9.3.0a0"])
