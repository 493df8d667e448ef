//! The Debian ecosystem: signed indexes, resolving, packages into entries, and what maintainer scripts would have done.
