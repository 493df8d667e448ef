//! The pipeline: spec in, image out.
