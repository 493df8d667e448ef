//! What a source may do while it is written is what its layer says, through all that stands between the two.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

use std::num::NonZero;
use std::sync::Mutex;

use imgbuild_archive::ImagePath;
use imgbuild_layer::{
    Claim, Codec, Cut, EntrySink, Exclusions, FileSizes, Ownership, Parents, Part, PartId, Piece, RecipeHash,
    Repeated, Repetition, Role, Source, SourceError, WriteOptions, write_layer, write_pieces,
};
use imgbuild_oci::Digest;

const OPTIONS: WriteOptions = WriteOptions { threads: NonZero::new(3).unwrap(), can_restart: true };

/// A source without entries, that notes what it may do.
struct Idle {
    part: Part,
    given: &'static Mutex<Vec<WriteOptions>>,
}

impl Source for Idle {
    fn part(&self) -> &Part {
        &self.part
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        Ok(Vec::new())
    }

    fn write(&self, _: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        self.given.lock().unwrap().push(sink.options());
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
    write_layer(&sources, &Parents::default(), Codec::None, OPTIONS, Vec::new()).unwrap();
}

fn given(source: &Idle) -> Vec<WriteOptions> {
    source.given.lock().unwrap().clone()
}

#[test]
fn a_source_has_the_options_of_its_layer() {
    let plain = idle(None);
    write(&[&plain]);
    assert_eq!(given(&plain), [OPTIONS]);
    // One whose files are somebody's.
    let of_user = idle(None);
    let noted = of_user.given;
    write(&[&*Ownership::of_user(1000).source(Box::new(of_user))]);
    assert_eq!(*noted.lock().unwrap(), [OPTIONS]);
    // One that is read once for several layers.
    let (repeated, repetition) = (idle(None), Repetition::default());
    let file = || tempfile::tempfile().ok();
    write(&[&Repeated::new(&repeated, &repetition, &file)]);
    assert_eq!(given(&repeated), [OPTIONS]);
    // Several of one archive.
    let (one, other) = (idle(Some("archive")), idle(Some("archive")));
    write(&[&one, &other]);
    assert_eq!((given(&one), given(&other)), (vec![OPTIONS], vec![OPTIONS]));
}

/// What compresses pieces side by side has its share of the threads; what unpacks them does it for all.
#[test]
fn a_source_in_pieces_has_the_options_of_all_of_them() {
    let path = |text: &str| ImagePath::new(text).unwrap();
    let sizes = FileSizes::from([(path("a"), 100), (path("b"), 100)]);
    let pieces: Vec<Piece> = Cut::new(&PartId::new("test", "part"), &sizes, 100).unwrap().pieces();
    let (source, none) = (idle(None), Exclusions::new());
    let outputs = pieces.iter().map(|piece| (piece, Vec::new())).collect();
    let sources: [(&dyn Source, &Exclusions); 1] = [(&source, &none)];
    write_pieces(&sources, |_| None, &Parents::default(), Codec::None, OPTIONS, outputs).unwrap();
    assert_eq!(given(&source), [OPTIONS]);
}
