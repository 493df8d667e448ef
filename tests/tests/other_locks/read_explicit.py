"""Prints what rattler, which is pixi's library, reads in an explicit list: the URLs."""

import sys

from rattler.explicit_environment import ExplicitEnvironmentSpec

for package in ExplicitEnvironmentSpec.from_path(sys.argv[1]).packages:
    print(package.url)
