//! End-to-end tests of the real binary against real programs.
