"""Small packages made by hand, one for each odd case that conda packages are known to hold.

Every name begins with `odd-`. A function makes the packages of one case; CASES lists them.
"""

import tarfile
from dataclasses import replace
from pathlib import Path

from archive import MOMENT, PLACEHOLDER, Entry, Package
from interpreters import bytecode

SITE = "lib/python3.11/site-packages"


def text(path: str, body: str, **more: object) -> Entry:
    return Entry(path, body.encode(), **more)


def generic(name: str, entries: list[Entry], **more: object) -> Package:
    return Package(name, "1.0", noarch="generic", entries=entries, **more)


def pure(name: str, entries: list[Entry], **more: object) -> Package:
    """A `noarch: python` package."""
    return Package(name, "1.0", "pyhd8ed1ab_0", noarch="python", depends=["python >=3.9"], entries=entries, **more)


def native(name: str, entries: list[Entry], **more: object) -> Package:
    """A package of linux-64 for Python 3.11."""
    depends = ["python >=3.11,<3.12.0a0"]
    return Package(name, "1.0", "py311_0", subdir="linux-64", depends=depends, entries=entries, **more)


def links() -> list[Package]:
    """Hardlinks and softlinks inside the archive."""
    shared = "share/odd-hardlinks"
    soft = "share/odd-softlinks"
    return [
        generic(
            "odd-hardlinks",
            [
                text(f"{shared}/first.txt", "one inode\n"),
                Entry(f"{shared}/second.txt", kind="hardlink", target=f"{shared}/first.txt"),
                Entry("etc/odd-hardlinks.txt", kind="hardlink", target=f"{shared}/first.txt"),
                text(f"{shared}/prefix.txt", f"{PLACEHOLDER}/share\n", prefix="text"),
                Entry(f"{shared}/prefix-too.txt", kind="hardlink", target=f"{shared}/prefix.txt"),
            ],
        ),
        generic(
            "odd-softlinks",
            [
                text(f"{soft}/folder/file.txt", "behind links\n"),
                Entry(f"{soft}/relative.txt", kind="softlink", target="folder/file.txt"),
                Entry(f"{soft}/upwards.txt", kind="softlink", target="../odd-softlinks/folder/file.txt"),
                Entry(f"{soft}/to-a-link.txt", kind="softlink", target="relative.txt"),
                Entry(f"{soft}/to-a-folder", kind="softlink", target="folder"),
                Entry(f"{soft}/dangling", kind="softlink", target="there/is/nothing"),
                Entry("bin/odd-softlink", kind="softlink", target="../share/odd-softlinks/folder/file.txt"),
            ],
            form=".tar.bz2",
        ),
    ]


def names() -> list[Package]:
    """Paths that a tar header does not hold as they are, and names that a terminal may not show."""
    folder = "share/odd-long-paths"
    over_100 = f"{folder}/" + "a" * 100 + ".txt"
    over_255 = f"{folder}/" + "/".join(letter * 60 for letter in "bcdef") + "/file.txt"
    long = [
        text(over_100, "over 100 bytes\n"),
        text(over_255, "over 255 bytes\n"),
        text(f"{folder}/" + "g" * 251 + ".txt", "a name of 255 bytes\n"),
        Entry(f"{folder}/link", kind="softlink", target=over_255.removeprefix(f"{folder}/")),
        Entry(f"{folder}/hardlink", kind="hardlink", target=over_100),
    ]
    gnu = [
        replace(entry, path=entry.path.replace(folder, folder + "-gnu"), target=entry.target.replace(folder, folder + "-gnu"))
        for entry in long
    ]
    strange = ["żółć.txt", "日本語/ファイル.txt", "🐍.txt", "e\u0301-combining.txt", "é-composed.txt", "a space.txt"]
    strange += ["quote'\".txt", "dollar$HOME.txt", "-dash.txt", "percent%2e.txt", "back\\slash.txt", "CASE.txt", "case.txt"]
    return [
        generic("odd-long-paths", long),
        generic("odd-long-paths-gnu", gnu, form=".tar.bz2", tar_format=tarfile.GNU_FORMAT),
        generic("odd-names", [text(f"share/odd-names/{name}", f"{name}\n") for name in strange]),
        Package("odd-version", "1!2.0.post1+local", "0", noarch="generic", entries=[text("share/odd-version.txt", "epoch\n")]),
    ]


def clobbering() -> list[Package]:
    """Packages that hold the same path: unrelated, one depending on the other, and where it is a hardlink's target."""
    shared = "share/odd-clobber"
    linked = "share/odd-clobber-link"

    def owner(letters: str) -> list[Entry]:
        folder = f"{linked}-{letters}"
        return [
            text(f"{folder}/target.txt", "of the one with the hardlink\n"),
            Entry(f"{folder}/alias.txt", kind="hardlink", target=f"{folder}/target.txt"),
        ]

    def other(letters: str) -> list[Entry]:
        return [text(f"{linked}-{letters}/target.txt", "of the other\n")]

    return [
        generic("odd-clobber-a", [text(f"{shared}/both.txt", "of a\n"), text(f"{shared}/same.txt", "same\n"), text(f"{shared}/a.txt", "a\n")]),
        generic("odd-clobber-b", [text(f"{shared}/both.txt", "of b\n"), text(f"{shared}/same.txt", "same\n"), text(f"{shared}/b.txt", "b\n")]),
        generic("odd-clobber-below", [text(f"{shared}/ordered.txt", "of the dependency\n")]),
        generic("odd-clobber-above", [text(f"{shared}/ordered.txt", "of the dependent\n")], depends=["odd-clobber-below"]),
        # By name, or by any other order: in one of the two pairs the package with the hardlink loses.
        generic("odd-clobber-link-a", owner("ab")),
        generic("odd-clobber-link-b", other("ab")),
        generic("odd-clobber-link-y", other("yz")),
        generic("odd-clobber-link-z", owner("yz")),
    ]  # fmt: skip


def prefixes() -> list[Package]:
    """Placeholders in text and binaries."""
    twice = f"{PLACEHOLDER}/lib:{PLACEHOLDER}/share".encode()
    binary = b"\x7fELF\0\0" + twice + b"\0between\0" + f"{PLACEHOLDER}/etc".encode() + b"\0\0\0" + b"\x01\x02\0"
    latin = f"# caf\xe9 {PLACEHOLDER}\n".encode("latin-1")
    old = "/opt/anaconda1anaconda2anaconda3"
    return [
        generic(
            "odd-binary-prefix",
            [
                Entry("lib/odd-binary/several.bin", binary + f"{PLACEHOLDER}".encode() + b"\0", prefix="binary"),
                Entry("lib/odd-binary/without-nul.bin", b"\0" + f"{PLACEHOLDER}/end".encode(), prefix="binary"),
                Entry("lib/odd-binary/program", binary, 0o755, prefix="binary"),
            ],
        ),
        generic(
            "odd-text-prefix",
            [
                text("etc/odd-text/several.txt", f"{PLACEHOLDER}:{PLACEHOLDER}/bin\n{PLACEHOLDER}", prefix="text"),
                text("etc/odd-text/windows.txt", f"a={PLACEHOLDER}\r\nb={PLACEHOLDER}\r\n", prefix="text"),
                Entry("etc/odd-text/latin.txt", latin, prefix="text"),
                text("etc/odd-text/short.txt", f"{old}/bin\n", prefix="text", placeholder=old),
                text("etc/odd-text/unmarked.txt", f"{PLACEHOLDER} stays: paths.json does not name it\n"),
            ],
        ),
        generic(
            "odd-long-shebang",
            [
                text("bin/odd-shebang", f"#!{PLACEHOLDER}/bin/python\nprint('odd')\n", mode=0o755, prefix="text"),
                text("bin/odd-shebang-space", f"#! {PLACEHOLDER}/bin/python\nprint('odd')\n", mode=0o755, prefix="text"),
                text("bin/odd-shebang-options", f"#!{PLACEHOLDER}/bin/python -Es\nprint('odd')\n", mode=0o755, prefix="text"),
                text("bin/odd-shebang-shell", f"#!/bin/sh\nexec '{PLACEHOLDER}/bin/python' -V\n", mode=0o755, prefix="text"),
            ],
            depends=["python"],
        ),
    ]


def bytecodes(python: Path) -> list[Package]:
    """Shipped `.pyc` that are stale, become stale, are hash-based, or stand alone."""

    def both(name: str, body: str, prefix: str | None = None) -> tuple[Entry, Entry]:
        path = f"{SITE}/{name}.py"
        (pyc,) = bytecode({path: body.encode()}, MOMENT, python, "3.11")
        return text(path, body, prefix=prefix), pyc

    replaced = both("odd_stale_prefix", f"HOME = '{PLACEHOLDER}/share'\n", "text")
    stale, stale_pyc = both("odd_stale", "VALUE = 'new'\n")
    _, old_pyc = both("odd_stale", "VALUE = 'of old'\n")
    hashed, hashed_pyc = both("odd_hash", "VALUE = 'hash'\n")
    _, alone = both("odd_alone", "VALUE = 'alone'\n")
    # PEP 552: flags 1 is an unchecked hash, and the eight bytes after it are the source's.
    unchecked = hashed_pyc.data[:4] + b"\x01\0\0\0" + b"\xab" * 8 + hashed_pyc.data[16:]
    # Its size and moment are those of another source, as when a recipe patches a file after compiling.
    wrong = old_pyc.data[:8] + (MOMENT - 1000).to_bytes(4, "little") + old_pyc.data[12:]
    return [
        native("odd-stale-prefix", list(replaced)),
        native("odd-stale-start", [stale, replace(stale_pyc, data=wrong)]),
        native("odd-hash-pyc", [hashed, replace(hashed_pyc, data=unchecked)]),
        native("odd-only-pyc", [Entry(f"{SITE}/odd_alone.pyc", alone.data)]),
        pure(
            "odd-uncompilable",
            [
                text("site-packages/odd_uncompilable/__init__.py", ""),
                text("site-packages/odd_uncompilable/python2.py", "print 'hello'\n"),
                text("site-packages/odd_uncompilable/template.py", "class {{ name }}:\n    pass\n"),
                Entry("site-packages/odd_uncompilable/nul.py", b"a = 1\0\n"),
                Entry("site-packages/odd_uncompilable/coding.py", b"# -*- coding: no-such-coding -*-\n"),
                Entry("site-packages/odd_uncompilable/latin.py", b"a = '\xe9'\n"),
            ],
        ),
    ]


def scripts() -> list[Package]:
    """Link scripts, and what is sourced or read when an environment is activated."""
    script = '#!/bin/sh\nmkdir -p "$PREFIX/share/odd-post-link"\necho made > "$PREFIX/share/odd-post-link/made.txt"\n'
    static = 'export ODD_FOO=bar\nexport ODD_HOME="$CONDA_PREFIX/share/odd"\nexport ODD_QUOTED=\'a b\'\n'
    dynamic = 'export ODD_HOST="$(uname -m)"\nif [ -n "$CONDA_PREFIX" ]; then\n  export ODD_IF=1\nfi\n'
    return [
        generic("odd-post-link", [text("bin/.odd-post-link-post-link.sh", script, mode=0o755), text("share/odd-post-link/file.txt", "file\n")]),
        generic("odd-pre-unlink", [text("bin/.odd-pre-unlink-pre-unlink.sh", "#!/bin/sh\ntrue\n", mode=0o755)]),
        generic(
            "odd-activate-static",
            [
                text("etc/conda/activate.d/odd-activate-static.sh", static),
                text("etc/conda/deactivate.d/odd-activate-static.sh", "unset ODD_FOO ODD_HOME ODD_QUOTED\n"),
                text("etc/conda/activate.d/odd-activate-static.fish", "set -gx ODD_FOO bar\n"),
            ],
        ),
        generic("odd-activate-dynamic", [text("etc/conda/activate.d/odd-activate-dynamic.sh", dynamic)]),
        generic("odd-env-vars", [text("etc/conda/env_vars.d/odd-env-vars.json", '{"ODD_VARIABLE": "value", "ODD_PATH": "/odd"}\n')]),
    ]  # fmt: skip


def noarch() -> list[Package]:
    """`noarch: python`, whose files go where the interpreter says, and `noarch: generic`."""
    module = "import sys\n\n\nclass Inner:\n    @staticmethod\n    def main():\n        print('inner')\n\n\n"
    module += "def main():\n    print(__file__)\n    return 0\n"
    return [
        pure(
            "odd-noarch-python",
            [
                text("python-scripts/odd-script", f"#!{PLACEHOLDER}/bin/python\nprint('script')\n", mode=0o755, prefix="text"),
                text("site-packages/odd_noarch/__init__.py", module),
                text("site-packages/odd_noarch/data.txt", "data\n"),
                text("share/odd-noarch/outside.txt", "not a module\n"),
                text("etc/jupyter/odd-noarch.json", "{}\n"),
            ],
            entry_points=["odd-entry = odd_noarch:main", "odd-inner = odd_noarch:Inner.main", "odd.dot_ = odd_noarch:main"],
        ),
        pure("odd-noarch-old", [text("site-packages/odd_old.py", "OLD = True\n")], form=".tar.bz2", entry_points=["odd-old = odd_old:OLD"]),
        generic("odd-noarch-generic", [text("share/odd-noarch-generic/file.txt", f"{PLACEHOLDER}\n", prefix="text")]),
    ]  # fmt: skip


def shapes() -> list[Package]:
    """Packages with nothing in them, strange modes, folders, unlinked files, and the archives of old conda-builds."""
    modes = [0o400, 0o444, 0o600, 0o640, 0o664, 0o755, 0o777, 0o4755, 0o2755]
    return [
        generic("odd-empty", []),
        generic("odd-meta", [], depends=["odd-empty", "odd-noarch-generic >=1.0"]),
        generic("odd-unsolvable", [], depends=["no-such-package >=2"]),
        generic("odd-modes", [text(f"share/odd-modes/{mode:04o}", f"{mode:o}\n", mode=mode) for mode in modes]),
        generic(
            "odd-empty-folders",
            [
                Entry("share/odd-empty-folders", kind="directory", mode=0o755),
                Entry("share/odd-empty-folders/empty", kind="directory", mode=0o755),
                Entry("share/odd-empty-folders/deep/deeper", kind="directory", mode=0o700),
                text("share/odd-empty-folders/file.txt", "file\n"),
            ],
        ),
        generic(
            "odd-unlisted-folders",
            [
                Entry("share/odd-unlisted-folders", kind="directory", mode=0o775, listed=False),
                text("share/odd-unlisted-folders/file.txt", "file\n"),
            ],
            tar_format=tarfile.USTAR_FORMAT,
            form=".tar.bz2",
        ),
        generic("odd-empty-file", [Entry("share/odd-empty-file"), Entry("share/odd-empty-file.bin", bytes(70_000))]),
        generic("odd-no-link", [text("share/odd-no-link/copied.txt", "copied\n", no_link=True), text("share/odd-no-link/file.txt", "file\n")]),
        generic("odd-legacy", old_entries("odd-legacy"), form=".tar.bz2", legacy=True, tar_format=tarfile.GNU_FORMAT),
        generic("odd-info-last", old_entries("odd-info-last"), form=".tar.bz2", info_last=True, tar_format=tarfile.GNU_FORMAT),
        generic("odd-legacy-info-last", old_entries("odd-legacy-info-last"), form=".tar.bz2", legacy=True, info_last=True),
    ]  # fmt: skip


def old_entries(name: str) -> list[Entry]:
    folder = f"share/{name}"
    return [
        text(f"{folder}/file.txt", "file\n"),
        text(f"{folder}/copied.txt", "copied\n", no_link=True),
        text(f"{folder}/prefix.txt", f"{PLACEHOLDER}/bin\n", prefix="text"),
        Entry(f"{folder}/prefix.bin", f"{PLACEHOLDER}/bin".encode() + b"\0tail\0", prefix="binary"),
        Entry(f"{folder}/link.txt", kind="softlink", target="file.txt"),
    ]


def packages(pythons: dict[str, Path]) -> list[Package]:
    """Every odd package."""
    cases = [links(), names(), clobbering(), prefixes(), bytecodes(pythons["3.11"]), scripts(), noarch(), shapes()]
    return [package for case in cases for package in case]
