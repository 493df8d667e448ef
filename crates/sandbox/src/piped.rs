//! A file as what a command reads.

use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::FileType;

/// The end of a pipe that a file comes out of; nothing for what is no file. A file itself could be opened anew inside, by
/// `/proc/self/fd/0`, and for writing too.
pub(crate) fn piped(input: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    let kind = FileType::from_raw_mode(rustix::fs::fstat(input)?.st_mode);
    if !matches!(kind, FileType::RegularFile | FileType::BlockDevice) {
        return Ok(None);
    }
    let mut file = File::from(input.try_clone_to_owned()?);
    let (reader, mut writer) = io::pipe()?;
    // It ends with the file, or when nobody reads any more.
    std::thread::Builder::new().spawn(move || io::copy(&mut file, &mut writer))?;
    Ok(Some(reader.into()))
}
