//! What documents, and what runs in the sandbox, may ask of us: one place, each limit with its reason.

/// The most bytes that are read of a document that an image holds, such as the lock.
pub(crate) const DOCUMENT_LIMIT: u64 = 16 << 20;

/// How much memory an interpreter that compiles may have, in bytes: a source of some megabytes needs about one gigabyte.
pub(crate) const COMPILER_MEMORY: u64 = 2 << 30;

/// How long one source may be compiled, in seconds of a processor.
pub(crate) const COMPILER_PROCESSOR: u64 = 300;

/// How many processes there may be while sources are compiled: the interpreter, and the one that compiles.
pub(crate) const COMPILER_PROCESSES: u64 = 8;

/// How much an interpreter that compiles may write, in bytes, all of it into memory: it should write nothing.
pub(crate) const COMPILER_WRITABLE: u64 = 1 << 20;

/// How long one post-link script may run, in seconds.
pub(crate) const SCRIPT_SECONDS: u64 = 600;

/// How many processes and threads a check or a post-link script may have.
pub(crate) const COMMAND_PROCESSES: u64 = 4096;

/// The most bytes that are kept of what a check or a post-link script prints: the end, enough for any traceback.
pub(crate) const COMMAND_OUTPUT: usize = 64 << 10;

/// The most bytes that a check may write, all of them into memory.
pub(crate) const CHECK_WRITABLE: u64 = 1 << 30;

/// How long frameworks may take to say which GPUs they were compiled for, in seconds: importing all of them takes less than one minute.
pub(crate) const KERNELS_SECONDS: u64 = 300;

/// How many pieces of one package are written side by side. Each holds its compressor's buffers, and a package of more pieces is read more
/// than once.
pub(crate) const PIECES_AT_ONCE: usize = 4;

/// The most bytes that a compressed layer has that holds the lock of its image.
pub(crate) const LOCK_LAYER_LIMIT: u64 = 8 << 20;

/// The most bytes of a file that is looked at to tell whether a platform runs the image. The largest real ones, C libraries, have two
/// million.
pub(crate) const LOOKED_AT: u64 = 16 << 20;
