//! Wheels: what each odd one becomes or why it is refused, and the comparison with what uv installs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bench;
mod building;
mod choosing;
mod dependencies;
mod dependency_texts;
mod diagnosing;
mod index;
mod indexes;
mod locking;
mod odd;
mod oracle;
mod pytorch;
mod reading;
mod support;
mod taking;
mod uv_lock;
