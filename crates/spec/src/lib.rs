//! The spec: the TOML language, its matrix, its diagnostics and its schema.
