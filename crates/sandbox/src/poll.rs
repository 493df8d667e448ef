//! The files that are waited for.

use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags};

/// Waits for a file as well; its place among those that are waited for.
pub(crate) fn add<'fd, Fd: AsFd>(wanted: &mut Vec<PollFd<'fd>>, file: &'fd Fd) -> usize {
    wanted.push(PollFd::new(file, PollFlags::IN));
    wanted.len() - 1
}
