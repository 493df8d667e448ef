//! The state of a base does not depend on who has unpacked its packages. Needs `curl` and the build host's mirror.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails shall say where"
)]

#[allow(dead_code, reason = "the oracle needs more of it")]
mod support;

use std::io::Read;

use imgbuild_debian::{LeftOut, Locked};
use imgbuild_layer::{EntryHead, EntrySink, Exclusions, SinkError, Source, WriteOptions};
use imgbuild_oci::Platform;

/// Entries with their bytes.
#[derive(Default)]
struct Entries(Vec<(EntryHead, Vec<u8>)>);

impl EntrySink for Entries {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes).unwrap();
        self.0.push((head.clone(), bytes));
        Ok(())
    }

    fn options(&self) -> WriteOptions {
        WriteOptions::default()
    }
}

/// Takes heads and reads no bodies.
struct Heads;

impl EntrySink for Heads {
    fn put(&mut self, _: &EntryHead, _: &mut dyn Read) -> Result<(), SinkError> {
        Ok(())
    }

    fn options(&self) -> WriteOptions {
        WriteOptions::default()
    }
}

fn state(all: &[Box<dyn Source>]) -> Vec<(EntryHead, Vec<u8>)> {
    let mut shown = Entries::default();
    all.last().unwrap().write(&Exclusions::new(), &mut shown).unwrap();
    shown.0
}

#[test]
fn the_state_is_the_same_whoever_unpacks_the_packages() {
    let left_out = LeftOut { documentation: true, exclude: vec!["/etc/cron.d*"], ..LeftOut::default() };
    let locked = support::locked_without("bookworm", Platform::LinuxAmd64, &[], None, &left_out.rules());
    let sources = |locked: &Locked| support::sources_of(locked, &[]);
    let alone = state(&sources(&locked));
    let holds =
        |path: &str| alone.iter().any(|(head, bytes)| head.path.as_str() == path && bytes.len() > 1000);
    assert!(holds("etc/ld.so.cache") && holds("var/lib/dpkg/status"));

    let all = sources(&locked);
    for source in &all[..all.len() - 1] {
        source.write(&Exclusions::new(), &mut Heads).unwrap();
    }
    assert!(state(&all) == alone, "after the packages");
    assert!(state(&all) == alone, "once more");

    let all = sources(&locked);
    let together = std::thread::scope(|scope| {
        for source in &all[..all.len() - 1] {
            scope.spawn(|| source.write(&Exclusions::new(), &mut Entries::default()).unwrap());
        }
        state(&all)
    });
    assert!(together == alone, "at the same time");
}
