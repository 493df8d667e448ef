"""The environment of the programs that we run: what the machine sets for Python must not change what they do."""

import os


def clean() -> dict[str, str]:
    """This process's environment without Python's variables and those of pip that say where to install."""
    unwanted = {"PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_REQUIREMENT", "SOURCE_DATE_EPOCH"}
    return {
        key: value for key, value in os.environ.items() if not key.startswith("PYTHON") and key not in unwanted
    }
