//! What conda, wheels and Debian's Python share: site-packages, entry points, the byte compiler.
