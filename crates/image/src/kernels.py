# Asks the frameworks of an image which GPUs they were compiled for. It runs without a GPU.
#
# PyTorch and TensorFlow say it themselves. Of all others the kernels are looked at: a shared library holds them in the section
# `.nv_fatbin`, one after another, each behind a header that says for which GPU it is.
import glob
import importlib
import importlib.metadata
import importlib.util
import json
import mmap
import os
import struct
import sys


def torch(module):
    flags = getattr(module._C, "_cuda_getArchFlags", lambda: None)() or ""
    return module.version.cuda, flags.split()


def tensorflow(module):
    built = module.sysconfig.get_build_info()
    return built.get("cuda_version"), list(built.get("cuda_compute_capabilities", []))


def asked(name, ask):
    if importlib.util.find_spec(name) is None:
        return None
    try:
        module = importlib.import_module(name)
        cuda, architectures = ask(module)
        return {"name": name, "version": str(module.__version__), "cuda": cuda, "architectures": architectures}
    except Exception as error:
        return {"name": name, "error": f"{type(error).__name__}: {error}"[:500]}


# The module by which each is known, the distributions that have its version, the further modules with libraries of it, and the libraries
# that conda's packages put beside all others.
READ = [
    ("jaxlib", ["jaxlib"], ["jax_cuda12_plugin", "jax_cuda13_plugin", "jax_plugins"], []),
    ("cupy", ["cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x"], ["cupy_backends"], []),
    ("onnxruntime", ["onnxruntime-gpu", "onnxruntime"], [], ["libonnxruntime_providers_cuda.so*"]),
    ("xgboost", ["xgboost"], [], ["libxgboost.so*"]),
    ("lightgbm", ["lightgbm"], [], ["lib_lightgbm.so*"]),
    ("faiss", ["faiss", "faiss-gpu-cu12", "faiss-gpu"], [], ["libfaiss*.so*"]),
    ("mxnet", ["mxnet"], [], ["libmxnet.so*"]),
    ("dgl", ["dgl"], [], ["libdgl.so*"]),
    ("ctranslate2", ["ctranslate2"], [], ["libctranslate2.so*"]),
    ("llama_cpp", ["llama-cpp-python"], [], ["libggml-cuda.so*"]),
    ("bitsandbytes", ["bitsandbytes"], [], []),
    ("paddle", ["paddlepaddle-gpu", "paddlepaddle"], [], []),
    ("catboost", ["catboost"], [], []),
    ("vllm", ["vllm"], [], []),
    ("thundersvm", ["thundersvm"], [], ["libthundersvm.so*"]),
    ("torchvision", ["torchvision"], [], []),
    ("flash_attn", ["flash-attn"], ["flash_attn_2_cuda"], []),
]
SECTION = b".nv_fatbin"
MAGIC = b"\x50\xed\x55\xba"
PTX, MACHINE_CODE = 1, (2, 4, 16)
# Of the flags: that no other GPU runs it (`sm_90a`).
OWN_FEATURES = 1 << 20


def section(data, wanted):
    """Where a section of a 64-bit library begins and ends."""
    if data[:6] != b"\x7fELF\x02\x01":
        return None
    (table,) = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    heads = [struct.unpack_from("<IIQQQQ", data, table + index * size) for index in range(count)]
    for name, _, _, _, start, length in heads:
        at = heads[names][4] + name
        if data[at : at + len(wanted) + 1] == wanted + b"\0":
            return start, start + length
    return None


def kernels(data, start, end):
    """What the kernels of a section are for: `sm_90`, or `compute_90` where it is what drivers compile."""
    found = set()
    while True:
        start = data.find(MAGIC, start, end)
        if start < 0:
            return found
        head, size = struct.unpack_from("<HQ", data, start + 6)
        entry, start = start + head, min(start + head + size, end)
        while entry + 64 <= start:
            kind, _, head, size = struct.unpack_from("<HHIQ", data, entry)
            (number,) = struct.unpack_from("<I", data, entry + 28)
            (flags,) = struct.unpack_from("<Q", data, entry + 40)
            features = "a" if flags & OWN_FEATURES else ""
            if kind == PTX:
                found.add(f"compute_{number}{features}")
            elif kind in MACHINE_CODE:
                found.add(f"sm_{number}{features}")
            if head < 64:
                raise ValueError("its kernels are in no form that is known")
            entry += head + size


def libraries(modules, patterns):
    """The files in which kernels of a framework may be."""
    for module in modules:
        spec = importlib.util.find_spec(module)
        for folder in (spec and spec.submodule_search_locations) or []:
            for place, _, names in os.walk(folder):
                yield from (os.path.join(place, name) for name in names if ".so" in name)
        if spec and not spec.submodule_search_locations:
            yield spec.origin
    for pattern in patterns:
        yield from glob.glob(os.path.join(sys.prefix, "lib", pattern))


def version(distributions):
    for name in distributions:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return ""


def read(name, distributions, modules, patterns):
    if importlib.util.find_spec(name) is None:
        return None
    known = {"name": name, "version": version(distributions)}
    found = set()
    try:
        for path in sorted({os.path.realpath(path) for path in libraries([name, *modules], patterns)}):
            if not os.path.getsize(path):
                continue
            with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                place = section(data, SECTION)
                found |= kernels(data, *place) if place else set()
    except Exception as error:
        return {**known, "unknown": f"its libraries cannot be read: {type(error).__name__}: {error}"[:500]}
    if not found:
        return {**known, "unknown": "its libraries hold no kernels, and nothing says what it compiles when it runs"}
    order = sorted(found, key=lambda it: (it.startswith("compute_"), int(it.strip("smcoputea_")), it))
    return {**known, "architectures": order}


found = [asked("torch", torch), asked("tensorflow", tensorflow), *(read(*row) for row in READ)]
print("\nimgbuild-kernels: " + json.dumps([it for it in found if it]))
