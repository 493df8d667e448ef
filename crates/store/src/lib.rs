//! The local content-addressed store: archives, blobs, layer records, leases and their collection.
