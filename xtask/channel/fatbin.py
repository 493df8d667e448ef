"""Shared libraries with kernels of no content, in the form in which CUDA's compiler puts them there: the section `.nv_fatbin`.

Its kernels follow one another, each behind a header that says for which GPU it is. What of a header matters here was compared with
`cuobjdump` of CUDA 13.5 over the libraries of jax-cuda12-plugin, jax-cuda13-plugin, cupy-cuda12x and onnxruntime-gpu.
"""

import struct

PTX, MACHINE_CODE = 1, 2
OWN_FEATURES = 1 << 20


def kernel(architecture: str) -> bytes:
    """One kernel: `sm_90`, `sm_90a` or `compute_90`."""
    kind, number = architecture.split("_")
    head, content = 64, b"a stand-in of a kernel\0\0"
    flags = OWN_FEATURES if number.endswith("a") else 0
    return (
        struct.pack("<HHIQ", PTX if kind == "compute" else MACHINE_CODE, 0x101, head, len(content))
        + struct.pack("<IIHHI", 0, 0, 7, 1, int(number.rstrip("a")))
        + struct.pack("<IIQQQ", 0, 0, flags, 0, 0)
        + content
    )


def shared_library(architectures: list[str]) -> bytes:
    """A library with a kernel for each, of nothing but sections."""
    kernels = b"".join(map(kernel, architectures))
    fatbin = struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(kernels)) + kernels
    names = b"\0.shstrtab\0.nv_fatbin\0"
    start = 64
    sections = [(0, 0, 0, 0), (1, 3, start, len(names)), (names.index(b".nv_fatbin"), 1, start + len(names), len(fatbin))]
    table = start + len(names) + len(fatbin)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    head = ident + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 0, table, 0, 64, 56, 0, 64, len(sections), 1)
    rows = b"".join(
        struct.pack("<IIQQQQIIQQ", name, kind, 0, 0, at, size, 0, 0, 1, 0) for name, kind, at, size in sections
    )
    return head + names + fatbin + rows
