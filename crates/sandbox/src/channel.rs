//! Messages between the outside and the inside: JSON with file descriptors, over one Unix socket.
//!
//! The socket is the inside's standard input, so that no other descriptor has to be inherited: one that is, is inherited
//! by whatever else this program starts at the same moment, and then nobody sees its end.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits::MOST_PUBLISHED;

/// How many descriptors come with one message: three standard ones, and those of published ports.
const DESCRIPTORS: usize = 4 + MOST_PUBLISHED;

/// One end of the socket.
#[derive(Debug)]
pub(crate) struct Channel(UnixStream);

impl Channel {
    /// Both ends: ours, and the one that becomes another process's standard input.
    pub(crate) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair()?;
        Ok((Self(ours), theirs.into()))
    }

    /// The end that is this process's standard input, which becomes empty.
    pub(crate) fn from_stdin() -> io::Result<Self> {
        let socket = io::stdin().as_fd().try_clone_to_owned()?;
        rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
        Ok(Self(socket.into()))
    }

    /// Hands this end over to another process, as its standard input.
    pub(crate) fn into_stdin(self) -> std::process::Stdio {
        OwnedFd::from(self.0).into()
    }

    /// The same end once more.
    pub(crate) fn duplicate(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Tells the other end that nothing more is wanted of it.
    pub(crate) fn close(&self) {
        // It may be gone already.
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }

    pub(crate) fn send<T: Serialize>(&self, message: &T) -> io::Result<()> {
        self.send_with(message, &[])
    }

    /// Sends a message and descriptors.
    pub(crate) fn send_with<T: Serialize>(
        &self,
        message: &T,
        descriptors: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        let body = serde_json::to_vec(message)?;
        let length = u32::try_from(body.len()).map_err(io::Error::other)?.to_le_bytes();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::other("too many descriptors for one message"));
        }
        let sent =
            rustix::net::sendmsg(&self.0, &[IoSlice::new(&length)], &mut control, SendFlags::NOSIGNAL)?;
        (&self.0).write_all(&length[sent..])?;
        (&self.0).write_all(&body)
    }

    /// The next message and its descriptors; nothing where the other end is gone.
    pub(crate) fn receive<T: DeserializeOwned>(&self) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
        let mut length = [0; 4];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = rustix::io::retry_on_intr(|| {
            let mut buffers = [IoSliceMut::new(&mut length)];
            rustix::net::recvmsg(&self.0, &mut buffers, &mut control, RecvFlags::CMSG_CLOEXEC)
        });
        let received = match received {
            Err(rustix::io::Errno::CONNRESET) => return Ok(None),
            received => received?.bytes,
        };
        if received == 0 {
            return Ok(None);
        }
        (&self.0).read_exact(&mut length[received..])?;
        let mut body = vec![0; u32::from_le_bytes(length) as usize];
        (&self.0).read_exact(&mut body)?;
        let mut descriptors = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = message {
                descriptors.extend(received);
            }
        }
        Ok(Some((serde_json::from_slice(&body)?, descriptors)))
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
