"""Prints what rattler, which is pixi's library, reads in a lock: the URLs of an environment on linux-64."""

import sys

from rattler import LockFile

lock = LockFile.from_path(sys.argv[1])
platform = next(platform for platform in lock.platforms() if platform.name == "linux-64")
for package in sorted(lock.environment(sys.argv[2]).packages(platform), key=lambda package: package.location):
    print(package.location)
