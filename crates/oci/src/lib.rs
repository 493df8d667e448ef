//! The OCI image model: digests, descriptors, canonical JSON, layouts, tarballs and their validation.
