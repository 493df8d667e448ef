"""Whether the wheels of an image hold: run inside it, with the names of those that were asked for.

Prints a line for each fault, and fails where there is one. The first word of a line says of what kind it is.
"""

import base64
import hashlib
import importlib.metadata as metadata
import subprocess
import sys
from collections import defaultdict

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

ASIDE = {"test", "tests", "testing", "doc", "docs", "examples", "benchmarks", "scripts", "setup",
         # Of mlflow's own checks.
         "pylint_plugins"}
# Modules that can be imported behind others only.
BEHIND = {"psycopg_binary": "psycopg"}


def modules(distribution):
    """The top-level modules of a distribution: what lies in its own folder of modules and can be imported."""
    found = set()
    for path in distribution.files or []:
        first, *rest = path.parts
        if not rest:
            name, dot, suffix = first.partition(".")
            module = suffix == "py" or suffix.endswith("so")
        else:
            name, module = first, rest[-1] == "__init__.py" and len(rest) == 1
        if module and name.isidentifier() and not name.startswith("_") and name not in ASIDE:
            found.add(name)
    return sorted(found)


def imports(module):
    """Why a module cannot be imported, in a process of its own; nothing where it can."""
    first = BEHIND.get(module)
    code = f"import {first}, {module}" if first else f"import {module}"
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240)
    except subprocess.TimeoutExpired:
        return "takes longer than 240 seconds"
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"ends with {done.returncode}"


def main(wanted):
    faults = []
    installed = {canonicalize_name(it.metadata["Name"]): it for it in metadata.distributions()}
    count = 0
    for name in wanted:
        distribution = installed.get(canonicalize_name(name))
        if distribution is None:
            faults.append(f"absent: {name}")
            continue
        for module in modules(distribution):
            count += 1
            if error := imports(module):
                faults.append(f"import: {name}: `import {module}`: {error}")
    for name, distribution in sorted(installed.items()):
        for text in distribution.requires or []:
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                continue
            if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
                continue
            other = installed.get(canonicalize_name(requirement.name))
            if other is None:
                faults.append(f"requires: {name} needs {text}, which is absent")
            elif not requirement.specifier.contains(other.version, prereleases=True):
                faults.append(f"requires: {name} needs {text}, and there is {other.version}")
    owners = defaultdict(list)
    for name, distribution in installed.items():
        for path in distribution.files or []:
            owners[str(path.locate())].append((name, path))
    for file, holders in sorted(owners.items()):
        fits = False
        for name, path in holders:
            try:
                content = path.read_binary()
            except OSError as error:
                faults.append(f"record: {name} lists {path}: {error.strerror}")
                break
            if path.hash is None or path.suffix == ".pyc":
                fits = True
                break
            digest = hashlib.new(path.hash.mode, content).digest()
            fits = fits or base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == path.hash.value
        else:
            if not fits:
                faults.append(f"record: {holders[0][0]} lists {holders[0][1]}, which is another file")
    for fault in faults:
        print(fault)
    print(f"census: {len(installed)} distributions, {count} modules, {len(faults)} faults")
    return 1 if faults else 0


sys.exit(main(sys.argv[1:]))
