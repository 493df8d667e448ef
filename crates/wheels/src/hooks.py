"""Calls one hook of a build backend (PEP 517), in the source's folder, and leaves what it gave in a file."""

import importlib
import json
import os
import sys


def backend(request):
    # The folder of this file is no place for modules; nor is the source, unless it says so.
    del sys.path[0]
    folders = [os.path.realpath(folder) for folder in request["backend_path"]]
    sys.path[:0] = folders
    module, _, path = request["backend"].partition(":")
    found = importlib.import_module(module)
    if folders:
        place = os.path.realpath(found.__file__)
        if not any(place.startswith(folder.rstrip("/") + "/") for folder in folders):
            sys.exit(f"the build backend {module} is not in the source's backend-path")
    for name in filter(None, path.split(".")):
        found = getattr(found, name)
    return found


def main():
    request = json.loads(sys.argv[1])
    os.umask(0o022)
    # Some put folders into zips, and these hold no time before 1980.
    for folder, _, _ in os.walk("/" + request["source"]):
        os.utime(folder, (request["time"], request["time"]))
    hook = getattr(backend(request), request["hook"], None)
    if hook is not None:
        answer = hook(*request["arguments"])
    elif request["hook"] == "get_requires_for_build_wheel":
        answer = []
    else:
        sys.exit(f"the build backend {request['backend']} has no hook {request['hook']}")
    with open(request["answer"], "x", encoding="utf-8") as file:
        json.dump(answer, file)
    # Some backends rename temporary files, which nobody else may read.
    for folder in request["results"]:
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                os.chmod(path, 0o644)


main()
