"""Stand-ins of frameworks that use CUDA, and of CUDA's own packages, in the forms that channels have them.

As conda-forge builds them: `cuda129_*` beside `cpu_*`, a bare `__cuda`, a line of the toolkit by `cuda-version`, the metapackages
`-gpu` and `-cpu`, `__cuda_arch` (CEP 46). As the channel did that PyTorch had until 2.5: `py311_cu124` with `pytorch-cuda`; and, before
both, `cudatoolkit`. And as channels have them whose index has a third revision: with flags and extras. None holds a kernel that does
anything; what a framework says of the GPUs that it was compiled for, or has for them in its libraries, is what the real one says and has.
Beside that each has just the functions that the maintained images call (`images/`).
"""

from archive import Entry, Package
from fatbin import shared_library

TORCH = "2.7.1"
# What is built: a line of the toolkit, and the GPUs that PyTorch of that line has kernels for.
LINES = {
    "12.9": "sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90 sm_100 sm_120 compute_120",
    "13.0": "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120 compute_120",
}


TENSORS = """# A stand-in of PyTorch, whose tensors are numpy's.
import numpy
from torch import _C, cuda, version

__version__ = version.__version__


def tensor(values, device="cpu"):
    return numpy.array(values)
"""


def packages() -> list[Package]:
    """All of them."""
    return [*toolkit(), *pytorch(), *others(), *third(), *old()]


def python(minor: str) -> list[str]:
    compact = minor.replace(".", "")
    return [f"python >={minor},<3.{int(minor[2:]) + 1}.0a0", f"python_abi {minor}.* *_cp{compact}"]


def line(version: str) -> str:
    return f"cuda-version >={version},<{int(version.split('.')[0]) + 1}"


def library(name: str, version: str, cuda: str, path: str, size: int = 64) -> Package:
    return Package(
        name, version, "h0_0", 0, "linux-64", license="LicenseRef-NVIDIA", depends=[line(cuda)],
        entries=[Entry(path, f"a stand-in of {name} {version}\n".encode() * size)],
    )  # fmt: skip


def toolkit() -> list[Package]:
    made = []
    for cuda in LINES:
        major = cuda.split(".")[0]
        made += [
            Package(
                "cuda-version", cuda, "h4f385c5_3", 3, noarch="generic", license="LicenseRef-NVIDIA",
                constrains=[f"cudatoolkit {cuda}|{cuda}.*", f"__cuda >={major}"],
            ),
            library("libcublas", f"{cuda}.1", cuda, f"lib/libcublas.so.{major}", 4096),
            library("cuda-cudart", f"{cuda}.79", cuda, f"lib/libcudart.so.{major}"),
            library("cuda-compat", f"{cuda}.1", cuda, "cuda-compat/libcuda.so.575.57.08"),
            Package(
                "cuda-runtime", f"{cuda}.1", "ha804496_0", 0, "linux-64",
                depends=[f"cuda-version >={cuda},<{major}.{int(cuda.split('.')[1]) + 1}.0a0", "cuda-cudart", "libcublas"],
            ),
            Package(
                "cuda-toolkit", f"{cuda}.1", "ha804496_0", 0, "linux-64", depends=[f"cuda-runtime {cuda}.1", "cuda-nvcc"],
            ),
            library("cuda-nvcc", f"{cuda}.86", cuda, "bin/nvcc"),
        ]  # fmt: skip
    return made


def pytorch() -> list[Package]:
    made = []
    common = [*python("3.11"), "numpy >=1.22,<3"]
    for cuda, flags in LINES.items():
        build = f"cuda{cuda.replace('.', '')}"
        wanted = [*common, "__cuda", line(cuda), f"libcublas >={cuda},<{int(cuda.split('.')[0]) + 1}.0a0", "cuda-cudart"]
        made.append(torch(f"{build}_mkl_py311_h1234567_300", 300, wanted, cuda, flags))
        made.append(Package("pytorch-gpu", TORCH, f"{build}_mkl_h1_300", 300, "linux-64", depends=[f"pytorch {TORCH} {build}*"]))
    made.append(torch("cpu_generic_py311_h1234567_0", 0, common, None, ""))
    made.append(Package("pytorch-cpu", TORCH, "cpu_generic_h1_0", 0, "linux-64", depends=[f"pytorch {TORCH} cpu*"]))
    return made


def torch(build: str, number: int, depends: list[str], cuda: str | None, flags: str) -> Package:
    site = "lib/python3.11/site-packages"
    files = {
        "torch/__init__.py": TENSORS,
        "torch/cuda.py": "def is_available():\n    return False\n",
        "torch/version.py": f'__version__ = "{TORCH}"\ncuda = {cuda!r}\n',
        "torch/_C.py": f"def _cuda_getArchFlags():\n    return {flags!r}\n" if cuda else "",
        f"torch-{TORCH}.dist-info/INSTALLER": "conda\n",
        f"torch-{TORCH}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: torch\nVersion: {TORCH}\n",
    }
    entries = [Entry(f"{site}/{path}", text.encode()) for path, text in files.items()]
    return Package("pytorch", TORCH, build, number, "linux-64", depends=depends, entries=entries)


# What other frameworks of conda-forge have: a module, what it says, and kernels in its own library or in one beside all others.
MODULES = {
    "tensorflow": {
        "__init__.py": "from tensorflow import sysconfig\n\n__version__ = '2.19.0'\n",
        "sysconfig.py": """def get_build_info():
    return {"cuda_version": "12.9", "cuda_compute_capabilities": ["sm_60", "sm_70", "sm_80", "sm_89", "compute_90"]}
""",
    },
    "jaxlib": {"__init__.py": ""},
    "onnxruntime": {"__init__.py": ""},
    "cupy": {"__init__.py": ""},
}
KERNELS = {
    "jaxlib": ("lib/python3.11/site-packages/jaxlib/cuda/_prng.so", "sm_50 sm_60 sm_70 sm_80 sm_90 sm_100 sm_120 compute_120"),
    "onnxruntime": ("lib/libonnxruntime_providers_cuda.so", "sm_75 sm_80 sm_86 sm_89 sm_90a sm_120a"),
}


def framework(name: str, version: str) -> list[Entry]:
    """What a framework's build for CUDA holds. That of `cupy` has no kernels: it compiles all when it runs."""
    site = "lib/python3.11/site-packages"
    files = {f"{name}/{path}": text for path, text in MODULES[name].items()}
    files |= {
        f"{name}-{version}.dist-info/INSTALLER": "conda\n",
        f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
    }
    entries = [Entry(f"{site}/{path}", text.encode()) for path, text in files.items()]
    if name in KERNELS:
        path, architectures = KERNELS[name]
        entries.append(Entry(path, shared_library(architectures.split())))
    return entries


def others() -> list[Package]:
    """Other frameworks of conda-forge, each for the processor and for CUDA, and what looks at the GPU."""
    made = []
    for name, version in [("tensorflow", "2.19.0"), ("jaxlib", "0.6.2"), ("onnxruntime", "1.22.0"), ("cupy", "13.4.1")]:
        cuda = [*python("3.11"), "__cuda", line("12.9"), "cuda-cudart"]
        entries = framework(name, version)
        made.append(Package(name, version, "cuda129_py311_h1_200", 200, "linux-64", depends=cuda, entries=entries))
        if name != "cupy":
            made.append(Package(name, version, "cpu_py311_h1_0", 0, "linux-64", depends=python("3.11")))
    for kind, build in [("gpu", "cuda129"), ("cpu", "cpu")]:
        made.append(
            Package(
                f"tensorflow-{kind}", "2.19.0", f"{build}_h1_0", 0, "linux-64", depends=[f"tensorflow 2.19.0 {build}*"]
            )
        )
    made.append(
        Package(
            "jax", "0.6.2", "pyhd8ed1ab_0", noarch="python", depends=["jaxlib >=0.6.2", "python >=3.11"],
            entries=[Entry("site-packages/jax/__init__.py", b'# A stand-in of JAX.\nimport jaxlib\n\n__version__ = "0.6.2"\n')],
        )
    )  # fmt: skip
    for capability in ["8.0", "9.0"]:
        made.append(
            Package(
                "flash-attn", "2.8.2", f"sm{capability.replace('.', '')}_0", int(capability[0]), "linux-64",
                depends=[f"__cuda_arch >={capability}", "__cuda"],
            )
        )  # fmt: skip
    return made


def third() -> list[Package]:
    """What only an index of the third revision can say: builds that differ by flags, extras, and requirements on a condition."""
    common = [*python("3.11"), 'numpy[version=">=1.22,<3"]', 'typing_extensions[when="python <3.10"]']
    return [
        Package(
            "vision-models", "1.0", f"h{number}_{number}", number, "linux-64", depends=[*common, *wanted],
            flags=[flag, "blas:openblas"], extra_depends={"train": ["flash-attn"]},
        )
        for number, flag, wanted in [(0, "cuda", ["__cuda", f'cuda-version[version="{line("12.9").split()[1]}"]']), (1, "cpu", [])]
    ]  # fmt: skip


def old() -> list[Package]:
    """What the channel had that PyTorch had, and what conda-forge had before CUDA 12."""
    made = [library("cudatoolkit", "11.8.0", "11.8", "lib/libcublas.so.11", 4096)]
    for cuda, minor in [("11.8", "3.9"), ("12.4", "3.11")]:
        compact = minor.replace(".", "")
        made += [
            Package("pytorch-cuda", cuda, "h7e8668a_6", 6, "linux-64", form=".tar.bz2", license="BSD-3-Clause"),
            Package(
                "torchvision", "0.19.1", f"py{compact}_cu{cuda.replace('.', '')}", 0, "linux-64",
                depends=[*python(minor)[:1], f"pytorch-cuda {cuda}.*"], form=".tar.bz2",
            ),
        ]  # fmt: skip
    torch = ["pytorch-cuda >=12.1,<12.2", "pytorch-mutex 1.0 cuda"]
    made.append(Package("pytorch-cuda", "12.1", "ha16c6d3_6", 6, "linux-64", form=".tar.bz2", license="BSD-3-Clause"))
    for build, number, wanted in [("py3.11_cuda12.1_cudnn8.9.2_0", 0, torch), ("py3.11_cpu_0", 0, ["pytorch-mutex 1.0 cpu"])]:
        made.append(
            Package(
                "pytorch", "2.3.1", build, number, "linux-64", depends=[*python("3.11")[:1], *wanted], form=".tar.bz2",
            )
        )  # fmt: skip
    made += [Package("pytorch-mutex", "1.0", kind, 100, noarch="generic", form=".tar.bz2") for kind in ("cuda", "cpu")]
    made.append(
        Package("cpuonly", "2.0", "0", noarch="generic", depends=["pytorch-mutex 1.0 cpu"], form=".tar.bz2")
    )
    return made
