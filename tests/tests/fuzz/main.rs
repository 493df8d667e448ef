//! What strangers write, changed at random: readers of it give an error or a value, never a panic, with little memory.
//!
//! Each target has some hundreds of changed documents, the same in every run. `FUZZ_SECONDS=600` tries others for so long,
//! and says what it found of each kind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

mod archives;
mod attestations;
mod documents;
mod mutation;
mod packages;
mod seeds;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mutation::{mutated, mutations};
use peak_alloc::PeakAlloc;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// No document of some kilobytes may cost more memory, in bytes: what zstd and xz keep to unpack, and some copies of what is read.
const MOST_MEMORY: usize = 512 << 20;

/// How many changed documents are tried where nothing else is asked for.
const CASES: u32 = 600;

/// A good document, of which a part is changed.
pub(crate) struct Seed {
    /// What is changed.
    part: Vec<u8>,
    /// Makes the whole of it, with the checksums that a reader looks at first.
    whole: Box<Whole>,
}

/// See [`Seed::whole`].
type Whole = dyn Fn(&[u8]) -> Vec<u8>;

impl Seed {
    /// A document that is changed anywhere.
    pub(crate) fn plain(bytes: impl Into<Vec<u8>>) -> Self {
        Self { part: bytes.into(), whole: Box::new(<[u8]>::to_vec) }
    }

    /// A document around a part.
    pub(crate) fn part(bytes: impl Into<Vec<u8>>, whole: impl Fn(&[u8]) -> Vec<u8> + 'static) -> Self {
        Self { part: bytes.into(), whole: Box::new(whole) }
    }
}

/// Gives changed documents to `read`, which panics when something does not hold, and else says whether the document is
/// accepted. The seeds are.
pub(crate) fn fuzz(seeds: &[Seed], tokens: &[&str], read: impl Fn(&[u8]) -> Result<(), String>) {
    for (number, seed) in seeds.iter().enumerate() {
        read(&(seed.whole)(&seed.part))
            .unwrap_or_else(|error| panic!("the seed {number} is refused: {error}"));
    }
    let seconds = std::env::var("FUZZ_SECONDS").ok().map(|seconds| seconds.parse().unwrap());
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut found = Found::default();
    loop {
        // Without a time to keep to, always the same.
        let nanoseconds = end.map(|_| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos());
        let mut random = [7; 32];
        random[..16].copy_from_slice(&nanoseconds.unwrap_or(0).to_le_bytes());
        round(seeds, tokens, &read, &random, &mut found);
        if end.is_none_or(|end| Instant::now() >= end) {
            break;
        }
    }
    let Found { accepted, refused, most_memory, slowest } = found;
    eprintln!("accepted {accepted}, refused {refused}, at most {} KiB, {slowest:?}", most_memory >> 10);
    // Else it tries nothing that matters.
    assert!(accepted > 0 && refused > 0, "accepted {accepted}, refused {refused}");
}

/// What came of all documents.
#[derive(Default)]
struct Found {
    accepted: u64,
    refused: u64,
    most_memory: usize,
    slowest: Duration,
}

fn round(
    seeds: &[Seed],
    tokens: &[&str],
    read: &dyn Fn(&[u8]) -> Result<(), String>,
    random: &[u8; 32],
    found: &mut Found,
) {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, random));
    let counted = std::cell::RefCell::new(found);
    // Of a program that ends at once, such as by its stack, only this tells why. It takes time, and so is for long runs alone.
    let file = || std::env::temp_dir().join(format!("imgbuild-fuzz-last-{}", std::process::id()));
    let last = std::env::var_os("FUZZ_SECONDS").map(|_| file());
    let outcome = runner.run(&(0..seeds.len(), mutations()), |(seed, mutations)| {
        let seed = &seeds[seed];
        let document = (seed.whole)(&mutated(&seed.part, &mutations, tokens));
        if let Some(last) = &last {
            fs_err::write(last, &document).unwrap();
        }
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let start = Instant::now();
        let accepted = read(&document).is_ok();
        let memory = MEMORY.peak_usage().saturating_sub(before);
        let mut found = counted.borrow_mut();
        if accepted {
            found.accepted += 1
        } else {
            found.refused += 1
        }
        found.most_memory = found.most_memory.max(memory);
        found.slowest = found.slowest.max(start.elapsed());
        if memory > MOST_MEMORY {
            return Err(TestCaseError::fail(format!("it takes {memory} bytes of memory")));
        }
        Ok(())
    });
    if let Err(TestError::Fail(reason, (seed, mutations))) = &outcome {
        let document = (seeds[*seed].whole)(&mutated(&seeds[*seed].part, mutations, tokens));
        let file = std::env::temp_dir().join(format!("imgbuild-fuzz-{}", std::process::id()));
        fs_err::write(&file, document).unwrap();
        panic!("{reason}\nthe seed {seed}, with {mutations:?}\nthe document is `{}`", file.display());
    }
    outcome.unwrap();
}
