//! What a run of an image may ask of us: one place, each limit with its reason.

/// How long an image may take to do what is wanted of it, in seconds: ten times what Jupyter needs on a small machine.
pub(crate) const TRIAL_SECONDS: u64 = 120;

/// How long it is looked whether an image that serves nothing runs, in seconds.
pub(crate) const START_SECONDS: u64 = 3;

/// How long a server may take for one answer, in seconds.
pub(crate) const ANSWER_SECONDS: u64 = 30;

/// How long a server may give other answers than it should, in seconds: while it starts.
pub(crate) const GRACE_SECONDS: u64 = 5;

/// The most bytes that an image may write while it is tried, all of them into memory.
pub(crate) const TRIAL_WRITABLE: u64 = 1 << 30;

/// How many processes and threads it may have.
pub(crate) const TRIAL_PROCESSES: u64 = 4096;

/// The most bytes that are kept of what it prints: the end.
pub(crate) const TRIAL_OUTPUT: usize = 16 << 10;

/// How many lines of that are shown where it fails.
pub(crate) const SHOWN_LINES: usize = 20;

/// The most bytes that are read of an answer: its head.
pub(crate) const ANSWER_HEAD: usize = 64 << 10;
