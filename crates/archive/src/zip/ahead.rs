//! Reading members of a zip file in a row, those that come unpacked on other threads: each is a deflate stream of its own.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::iter::Peekable;
use std::num::NonZero;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use std::sync::{Arc, Mutex};
use std::{thread, vec};

use super::ZipArchive;
use crate::ahead::{CHUNK, CHUNKS, Chunk, ReadAhead, feed};

/// The most bytes of one member that wait: those in its channel, and those that are on their way.
const LARGEST: u64 = (CHUNKS as u64 + 1) * CHUNK as u64;
/// The most members that wait, however small they are.
const MEMBERS: usize = 64;

/// A member that somebody is to unpack.
type Job = (usize, SyncSender<Chunk>);

/// The contents of some members of an archive, one after the other.
#[derive(Debug)]
pub struct ZipBodies {
    archive: Arc<ZipArchive>,
    coming: Peekable<vec::IntoIter<usize>>,
    /// Those that are unpacked already or soon, with the most bytes that can wait of each.
    waiting: VecDeque<(u64, ReadAhead)>,
    /// The most bytes that may wait of all of them.
    most: u64,
    /// Nothing where no other thread helps.
    jobs: Option<Sender<Job>>,
}

impl ZipArchive {
    /// The contents of the members with these numbers in [`ZipArchive::members`], in this order, as [`ZipArchive::body`] gives them.
    /// With more than one thread, all but one unpack what comes next; for each, some MiB wait.
    pub fn bodies(self: &Arc<Self>, numbers: Vec<usize>, threads: NonZero<u32>) -> ZipBodies {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let helps = |_: &u32| {
            let (archive, queue) = (Arc::clone(self), Arc::clone(&queue));
            let unpacking = thread::Builder::new().name("unpack".to_owned());
            // Where there can be no further thread, there are fewer.
            unpacking.spawn(move || unpack(&archive, &queue)).is_ok()
        };
        let most_helpers =
            threads.get().saturating_sub(1).min(u32::try_from(numbers.len()).unwrap_or(u32::MAX));
        let helpers = (0..most_helpers).take_while(helps).count() as u64;
        ZipBodies {
            archive: Arc::clone(self),
            coming: numbers.into_iter().peekable(),
            waiting: VecDeque::new(),
            most: helpers * 2 * LARGEST,
            jobs: (helpers > 0).then_some(jobs),
        }
    }
}

/// Unpacks what is asked for, until nobody asks any more.
fn unpack(archive: &ZipArchive, jobs: &Mutex<Receiver<Job>>) {
    loop {
        // The lock is held while waiting: the next thread waits behind it.
        let job = jobs.lock().ok().and_then(|jobs| jobs.recv().ok());
        let Some((number, chunks)) = job else { return };
        match archive.body(number) {
            Some(body) => feed(body, archive.members().get(number).map_or(0, |it| it.size()), &chunks),
            None => feed(io::empty(), 0, &chunks),
        }
    }
}

impl ZipBodies {
    /// Asks for what comes next, as long as there is room for it: for the next one always.
    fn ask(&mut self, jobs: &Sender<Job>) {
        let mut waiting: u64 = self.waiting.iter().map(|(bytes, _)| bytes).sum();
        while let Some(number) = self.coming.peek() {
            let size = self.archive.members().get(*number).map_or(0, |it| it.size());
            let bytes = size.min(LARGEST);
            let is_full = waiting + bytes > self.most || self.waiting.len() >= MEMBERS;
            if is_full && !self.waiting.is_empty() {
                return;
            }
            let Some(number) = self.coming.next() else { return };
            let (sender, ahead) = ReadAhead::fed();
            // If all of them have died, whoever reads it is told.
            let _told = jobs.send((number, sender));
            waiting += bytes;
            self.waiting.push_back((bytes, ahead));
        }
    }

    /// The content of the next member: exactly the bytes that the directory promises, or an error; empty where there is no such member, or no
    /// next one. The one before is given up: a thread may be busy with it.
    pub fn next_body(&mut self) -> Box<dyn Read + '_> {
        let Some(jobs) = self.jobs.clone() else {
            let body = self.coming.next().and_then(|number| self.archive.body(number));
            return body.map_or_else(|| Box::new(io::empty()) as Box<dyn Read>, |body| Box::new(body));
        };
        self.ask(&jobs);
        let next = self.waiting.pop_front();
        // While this one is read.
        self.ask(&jobs);
        next.map_or_else(|| Box::new(io::empty()) as Box<dyn Read>, |(_, ahead)| Box::new(ahead))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::ZipLimits;

    /// Of members of all sizes never more waits than may.
    #[test]
    fn what_waits_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("members.zip");
        let script = r#"
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive:
    for number in range(400):
        archive.writestr(f"m{number}", bytes([8_000_000, 300_000, 10, 0][number // 100 if number % 30 else 0]))
"#;
        assert!(Command::new("python3").args(["-c", script]).arg(&path).status().unwrap().success());
        let limits = ZipLimits { members: 400, content: 1 << 31 };
        let archive = Arc::new(ZipArchive::open(&path, limits).unwrap());
        for threads in [2, 3] {
            let mut bodies = archive.bodies((0..400).collect(), NonZero::new(threads).unwrap());
            let (mut most, mut members) = (0, 0);
            for _ in 0..400 {
                drop(bodies.next_body());
                let waiting: u64 = bodies.waiting.iter().map(|(bytes, _)| bytes).sum();
                assert!(waiting <= u64::from(threads - 1) * 2 * LARGEST && bodies.waiting.len() <= MEMBERS);
                (most, members) = (waiting.max(most), bodies.waiting.len().max(members));
            }
            // Both limits are met.
            assert!(most > LARGEST && members == MEMBERS, "{most} bytes of {members} members");
        }
    }
}
