//! Entries into layers: paths, claims and their resolution, planning, keys, tar writing, compression.
