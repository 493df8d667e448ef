# Compiles sources that come in on standard input, each in a fresh fork of this bare process.
#
# What `marshal` writes depends on what else the process has loaded and on the hash seed: so this parent loads next to
# nothing, never compiles, and is started with seed 0. The source is only compiled, never imported or run.
import sys

sys.path[:] = [path for path in sys.path if path]
import marshal
import os

import _frozen_importlib_external as external


def read(size):
    parts = []
    while size:
        part = os.read(0, min(size, 1 << 20))
        if not part:
            os._exit(0)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def write(data):
    view = memoryview(data)
    while view:
        view = view[os.write(1, view):]


def child(path, optimization, source):
    try:
        code = compile(source, os.fsdecode(path), "exec", 0, True, optimization)
        data = b"\x00" + marshal.dumps(code)
    except Exception:
        data = b"\x01"
    write(len(data).to_bytes(8, "little") + data)
    os._exit(0)


# The first use of `compile` makes the types of syntax trees, which takes longer than compiling a small file. Refused, it makes them
# here once, and compiles nothing: what a fork then writes is what it would have written.
try:
    compile(None, "", "exec")
except TypeError:
    pass

hello = "%d.%d.%d %s" % (sys.version_info[:3] + (sys.implementation.cache_tag,))
write(len(hello).to_bytes(8, "little") + hello.encode() + external.MAGIC_NUMBER)
while True:
    head = read(13)
    path = read(int.from_bytes(head[:4], "little"))
    source = read(int.from_bytes(head[4:12], "little"))
    pid = os.fork()
    if pid == 0:
        child(path, head[12], source)
    status = os.waitpid(pid, 0)[1]
    if status != 0:
        # It died before it wrote anything: the compiler ran out of time (SIGXCPU), of stack or of memory.
        answer = b"\x02" if status & 127 == 24 else b"\x01"
        write((1).to_bytes(8, "little") + answer)
