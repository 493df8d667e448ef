//! The lockfile: its model, reading, writing and comparing.
