"""Looks at every source below the folders that are named, as importlib does before it takes a `.pyc`, and says what is wrong.

It runs in the image, by the image's own Python. A file that does not compile must have no `.pyc`.
"""

import importlib.util
import marshal
import os
import sys
import warnings
from importlib import _bootstrap_external as machinery

warnings.simplefilter("ignore")
counts = {"timestamp": 0, "unchecked hash": 0, "checked hash": 0, "does not compile": 0, "alone": 0}


def wrong(path):
    """What keeps Python from taking the bytecode of a source; nothing when it takes it."""
    cached = importlib.util.cache_from_source(path)
    if not os.path.exists(cached):
        with open(path, "rb") as source:
            try:
                compile(source.read(), path, "exec", dont_inherit=True)
            except (SyntaxError, ValueError, UnicodeDecodeError):
                counts["does not compile"] += 1
                return None
        return "has none"
    with open(cached, "rb") as pyc:
        data = pyc.read()
    try:
        flags = machinery._classify_pyc(data, path, {"name": path, "path": cached})
    except (ImportError, EOFError) as error:
        return repr(error)
    if flags & 1:
        counts["checked hash" if flags & 2 else "unchecked hash"] += 1
        with open(path, "rb") as source:
            return None if importlib.util.source_hash(source.read()) == data[8:16] else "was compiled of another source"
    else:
        stat = os.stat(path)
        try:
            machinery._validate_timestamp_pyc(data, int(stat.st_mtime), stat.st_size, path, {"name": path, "path": cached})
        except ImportError as error:
            return repr(error)
        counts["timestamp"] += 1
    # What is shipped was compiled where its package was built; Python puts the path right as it loads it.
    marshal.loads(memoryview(data)[16:])
    return None


found = []
for root in sys.argv[1:]:
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith(".py"):
                why = wrong(path)
                if why:
                    found.append(f"{path}: {why}")
            elif os.path.basename(folder) == "__pycache__" and name.endswith(".pyc"):
                # `importlib` takes no `.pyc` of a `__pycache__` whose source is not there.
                if name.count(".") == 2 and not os.path.exists(importlib.util.source_from_cache(path)):
                    found.append(f"{path}: its source is not there")
            elif name.endswith(".pyc"):
                counts["alone"] += 1
for line in found:
    print(line)
print(", ".join(f"{count} {what}" for what, count in counts.items()), file=sys.stderr)
