//! Unpacking on other threads what is read here, so that one large archive keeps more than one core busy.

use std::io::{self, Cursor, Read};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;

/// How many bytes come at once.
pub(crate) const CHUNK: usize = 256 << 10;
/// How many of these wait for whoever reads.
pub(crate) const CHUNKS: usize = 8;

/// A part of what is read, none of it at the end.
pub(crate) type Chunk = io::Result<Vec<u8>>;

/// What `reader` gives, errors as well: read ahead by a thread of its own, where there are more than one. Some 2 MiB wait at most. The thread
/// ends when it has read everything, or when nobody reads here any more.
pub fn read_ahead<R: Read + Send + 'static>(reader: R, threads: NonZero<u32>) -> Box<dyn Read + Send> {
    if threads.get() == 1 {
        return Box::new(reader);
    }
    let (give, take) = channel();
    let (sender, ahead) = ReadAhead::fed();
    let started = thread::Builder::new().name("unpack".to_owned()).spawn(move || {
        if let Ok(reader) = take.recv() {
            feed(reader, u64::MAX, &sender);
        }
    });
    // Where there can be no further thread, whoever reads does it alone.
    match started {
        Ok(_) => match give.send(reader) {
            Ok(()) => Box::new(ahead),
            Err(refused) => Box::new(refused.0),
        },
        Err(_) => Box::new(reader),
    }
}

/// What another thread reads before it is asked for.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    chunks: Receiver<Chunk>,
    current: Cursor<Vec<u8>>,
    is_over: bool,
    /// Whether an error came, behind which nothing is known.
    has_failed: bool,
}

impl ReadAhead {
    /// One that [`feed`] fills.
    pub(crate) fn fed() -> (SyncSender<Chunk>, Self) {
        let (sender, chunks) = sync_channel(CHUNKS);
        (sender, Self { chunks, current: Cursor::default(), is_over: false, has_failed: false })
    }
}

/// Sends what a reader of about `size` bytes gives, to the end of it, or until nobody wants it.
pub(crate) fn feed(mut reader: impl Read, size: u64, chunks: &SyncSender<Chunk>) {
    loop {
        let mut chunk = Vec::with_capacity(usize::try_from(size).unwrap_or(CHUNK).min(CHUNK));
        let read = (&mut reader).take(CHUNK as u64).read_to_end(&mut chunk);
        let is_last = chunk.is_empty();
        // What waits has the room that it needs: the end has none.
        chunk.shrink_to_fit();
        // What was read before an error comes before it.
        let is_wanted = is_last && read.is_err() || chunks.send(Ok(chunk)).is_ok();
        if let Err(error) = read {
            let _unwanted = chunks.send(Err(error));
            return;
        }
        if is_last || !is_wanted {
            return;
        }
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let count = self.current.read(buffer)?;
            if count > 0 || self.is_over {
                return Ok(count);
            }
            if self.has_failed {
                return Err(io::Error::other("nothing can be read behind an error"));
            }
            // Without a last chunk nothing says that this is all.
            let died = |_| Err(io::Error::other("a thread that unpacks has died"));
            let chunk = self.chunks.recv().unwrap_or_else(died).inspect_err(|_| self.has_failed = true)?;
            self.is_over = chunk.is_empty();
            self.current = Cursor::new(chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEVERAL: NonZero<u32> = NonZero::new(2).unwrap();

    /// Fails when everything before was read.
    struct Failing(&'static [u8]);

    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::new(io::ErrorKind::InvalidData, "it is damaged")),
                count => Ok(count),
            }
        }
    }

    /// Dies when it is read.
    struct Dying;

    impl Read for Dying {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            std::panic::resume_unwind(Box::new("a bug"));
        }
    }

    #[test]
    fn an_error_comes_behind_what_was_read_before_it() {
        let mut ahead = read_ahead(Failing(b"before"), SEVERAL);
        let mut start = [0; 6];
        ahead.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"before");
        let error = ahead.read(&mut start).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (io::ErrorKind::InvalidData, "it is damaged"));
        // Whoever reads on is told no end.
        assert_eq!(ahead.read(&mut start).unwrap_err().to_string(), "nothing can be read behind an error");
    }

    #[test]
    fn a_thread_that_dies_is_no_end() {
        let error = read_ahead(Dying, SEVERAL).read(&mut [0]).unwrap_err();
        assert_eq!(error.to_string(), "a thread that unpacks has died");
    }

    #[test]
    fn whoever_stops_reading_ends_the_thread() {
        let (sender, ahead) = ReadAhead::fed();
        let feeding = thread::spawn(move || feed(io::repeat(7), u64::MAX, &sender));
        drop(ahead);
        feeding.join().unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
        #[test]
        fn it_gives_what_the_reader_gives(length in 0usize..5 * CHUNK, at_once in 1usize..400_000) {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut ahead = read_ahead(Cursor::new(bytes.clone()), SEVERAL);
            let mut read = Vec::new();
            let mut buffer = vec![0; at_once];
            loop {
                match ahead.read(&mut buffer).unwrap() {
                    0 => break,
                    count => read.extend_from_slice(&buffer[..count]),
                }
            }
            prop_assert!(read == bytes);
            prop_assert_eq!(ahead.read(&mut buffer).unwrap(), 0);
        }
    }
}
