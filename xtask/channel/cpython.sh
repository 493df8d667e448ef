#!/bin/bash
# Builds CPython into $PREFIX: no optimisation that takes long, no tests, timestamp .pyc beside every module.
set -euo pipefail

# What the caller's environment may hold must not reach the interpreter or its files.
unset "${!PYTHON@}"
export PYTHONHASHSEED=0 PYTHONNOUSERSITE=1 LC_ALL=C.UTF-8

# For __DATE__ in the interpreter's banner.
export SOURCE_DATE_EPOCH="$CPYTHON_MOMENT"

# The host's own development files would be taken before ours.
export PKG_CONFIG=false PKG_CONFIG_PATH= PKG_CONFIG_LIBDIR=
export CPPFLAGS="-I$PREFIX/include" CFLAGS="-O2 -pipe" LDFLAGS="-L$PREFIX/lib -Wl,-rpath,$PREFIX/lib -Wl,-rpath-link,$PREFIX/lib"

printf '*disabled*\n_dbm\n_gdbm\n_tkinter\nnis\nossaudiodev\n' > Modules/Setup.local

./configure --prefix="$PREFIX" --build=x86_64-conda-linux-gnu --host=x86_64-conda-linux-gnu \
    --with-openssl="$PREFIX" --with-system-expat --with-system-ffi --enable-loadable-sqlite-extensions \
    --enable-ipv6 --without-ensurepip --with-computed-gotos --with-dbmliborder= --with-tzpath="$PREFIX/share/zoneinfo" \
    --disable-test-modules --disable-shared

make -j"${CPU_COUNT:-2}"
make install > /dev/null

library="$PREFIX/lib/python$CPYTHON_MINOR"
ln -sf "python$CPYTHON_MINOR" "$PREFIX/bin/python"

# conda-forge ships neither the static library nor the tests.
find "$PREFIX/lib" -name 'libpython*.a' -delete
rm -rf "$library/test" "$library/lib2to3/tests" "$library"/*/test "$library/ensurepip/_bundled"
find "$PREFIX/bin" "$library/lib-dynload" -type f -exec sh -c 'strip --strip-unneeded "$1" 2>/dev/null || true' _ {} \;

# One moment for all files, then bytecode that is valid for it. With SOURCE_DATE_EPOCH it would hold hashes.
unset SOURCE_DATE_EPOCH
find "$PREFIX" -name __pycache__ -prune -exec rm -rf {} +
find "$library" -name '*.py' -exec touch -d "@$CPYTHON_MOMENT" {} +
"$PREFIX/bin/python$CPYTHON_MINOR" -m compileall -q --invalidation-mode timestamp "$library"
