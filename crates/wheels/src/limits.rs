//! What sources, repositories and the commands that build them may ask of us: one place, each limit with its reason.

/// The most bytes that the source of a package may unpack to.
pub(crate) const SOURCE_LIMIT: u64 = 8 << 30;

/// The most bytes of a file of a source that is read before it is built, such as `pyproject.toml`.
pub(crate) const PROJECT_FILE_LIMIT: u64 = 4 << 20;

/// The most bytes of a wheel that is built.
pub(crate) const BUILT_WHEEL_LIMIT: u64 = 16 << 30;

/// How long one hook of a build backend may run, in seconds.
pub(crate) const HOOK_SECONDS: u64 = 1800;

/// How many processes and threads may build a wheel.
pub(crate) const HOOK_PROCESSES: u64 = 4096;

/// The most bytes of a file that is written while a wheel is built.
pub(crate) const HOOK_FILE: u64 = 16 << 30;

/// The most bytes that a build backend may answer.
pub(crate) const ANSWER_LIMIT: u64 = 1 << 20;

/// How deep repositories may stand in each other.
pub(crate) const REPOSITORY_DEPTH: usize = 8;

/// How many repositories may stand in one, at whatever depth: each is fetched, and one may name itself.
pub(crate) const MOST_REPOSITORIES: usize = 256;

/// The most bytes of a symbolic link's target in a repository.
pub(crate) const LINK_LIMIT: u64 = 4096;

/// How much memory each process of git may write to, in bytes: what a server sends may unpack to any size, and git holds every
/// object but the largest whole.
pub(crate) const GIT_MEMORY: u64 = 2 << 30;

/// The most bytes of a file that git writes: what it fetches is one.
pub(crate) const GIT_FILE: u64 = 8 << 30;

/// The most bytes that git may print which are no list of files.
pub(crate) const GIT_PRINTED: u64 = 4 << 20;

/// How many bytes of what git complains of are shown. A server may have it print without end.
pub(crate) const GIT_COMPLAINT: u64 = 64 << 10;

/// The most bytes that are kept of what a hook prints: the end.
pub(crate) const HOOK_OUTPUT: usize = 64 << 10;

/// How many members the zip of a source may have.
pub(crate) const MOST_ZIP_MEMBERS: u64 = 1 << 20;

/// The most bytes of one line that git prints of a repository: the longest path, and what stands before it.
pub(crate) const GIT_LINE: u64 = 8 << 10;
