//! How many threads a source may unpack on: as many as work for its layer, through all that stands between the two.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

use std::num::NonZero;
use std::sync::Mutex;

use imgbuild_archive::ImagePath;
use imgbuild_layer::{
    Claim, Codec, Cut, EntrySink, Exclusions, FileSizes, Ownership, Parents, Part, PartId, Piece, RecipeHash,
    Repeated, Repetition, Role, Source, SourceError, write_layer, write_pieces,
};
use imgbuild_oci::Digest;

const THREADS: NonZero<u32> = NonZero::new(3).unwrap();

/// A source without entries, that notes how many threads it was given.
struct Idle {
    part: Part,
    given: &'static Mutex<Vec<u32>>,
}

impl Source for Idle {
    fn part(&self) -> &Part {
        &self.part
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        Ok(Vec::new())
    }

    fn write(&self, _: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        self.given.lock().unwrap().push(sink.threads().get());
        Ok(())
    }
}

fn idle(archive: Option<&str>) -> Idle {
    let part = Part {
        id: PartId::new("test", "part"),
        title: "part".to_owned(),
        recipe: RecipeHash(Digest::of("part")),
        archive: archive.map(Digest::of),
        role: Role::PACKAGE,
        weight: 0,
        root: Some(ImagePath::new("opt").unwrap()),
    };
    Idle { part, given: Box::leak(Box::default()) }
}

fn write(sources: &[&dyn Source]) {
    let none = Exclusions::new();
    let sources: Vec<(&dyn Source, &Exclusions)> = sources.iter().map(|it| (*it, &none)).collect();
    write_layer(&sources, &Parents::default(), Codec::None, THREADS, Vec::new()).unwrap();
}

fn given(source: &Idle) -> Vec<u32> {
    source.given.lock().unwrap().clone()
}

#[test]
fn a_source_has_the_threads_of_its_layer() {
    let plain = idle(None);
    write(&[&plain]);
    assert_eq!(given(&plain), [3]);
    // One whose files are somebody's.
    let of_user = idle(None);
    let noted = of_user.given;
    write(&[&*Ownership::of_user(1000).source(Box::new(of_user))]);
    assert_eq!(*noted.lock().unwrap(), [3]);
    // One that is read once for several layers.
    let (repeated, repetition) = (idle(None), Repetition::default());
    let file = || tempfile::tempfile().ok();
    write(&[&Repeated::new(&repeated, &repetition, &file)]);
    assert_eq!(given(&repeated), [3]);
    // Several of one archive.
    let (one, other) = (idle(Some("archive")), idle(Some("archive")));
    write(&[&one, &other]);
    assert_eq!((given(&one), given(&other)), (vec![3], vec![3]));
}

/// What compresses its pieces side by side has its share; what unpacks them does it for all.
#[test]
fn a_source_in_pieces_has_the_threads_of_all_of_them() {
    let path = |text: &str| ImagePath::new(text).unwrap();
    let sizes = FileSizes::from([(path("a"), 100), (path("b"), 100)]);
    let pieces: Vec<Piece> = Cut::new(&PartId::new("test", "part"), &sizes, 100).unwrap().pieces();
    let (source, none) = (idle(None), Exclusions::new());
    let outputs = pieces.iter().map(|piece| (piece, Vec::new())).collect();
    let sources: [(&dyn Source, &Exclusions); 1] = [(&source, &none)];
    write_pieces(&sources, |_| None, &Parents::default(), Codec::None, THREADS, outputs).unwrap();
    assert_eq!(given(&source), [3]);
}
