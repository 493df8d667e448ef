//! What of a package reaches a layer, where names of its files are left out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails shall say where"
)]

#[allow(dead_code, reason = "the messages need more of it")]
#[path = "support/archive.rs"]
mod archive;

use std::io::Read;
use std::num::NonZero;

use archive::{Archive, Package, deb, entry, tarball};
use imgbuild_debian::{LeftOut, sources};
use imgbuild_layer::{EntryHead, EntryKind, EntrySink, Exclusions, SinkError, WriteOptions};
use insta::assert_snapshot;
use tar::EntryType;

/// Entries as text, with their bytes as far as they are text.
#[derive(Default)]
struct Shown(String, u32);

impl EntrySink for Shown {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes).unwrap();
        let what = match &head.kind {
            EntryKind::File { .. } => format!("{:o} {:?}", head.mode, String::from_utf8_lossy(&bytes)),
            kind => format!("{kind:?}"),
        };
        self.0.push_str(&format!("{} {what}\n", head.path));
        Ok(())
    }

    fn options(&self) -> WriteOptions {
        NonZero::new(self.1.max(1)).unwrap().into()
    }
}

#[test]
fn names_that_are_left_out() {
    let names = ["one", "gone", "last"].map(|name| format!("./opt/{name}/"));
    let [one, gone, last] = names.each_ref().map(String::as_str);
    let file = |folder: &str, name: &str, body: &[u8]| {
        entry(&format!("{folder}{name}"), EntryType::Regular, "", body)
    };
    let link = |folder: &str, name: &str, target: &str| {
        entry(&format!("{folder}{name}"), EntryType::Link, target, b"")
    };
    let data = tarball(&[
        // Nobody asks for this one.
        file(gone, "alone", b"alone"),
        file(gone, "file", b"bytes"),
        file(gone, "other", b"other bytes"),
        file(one, "here", b"here"),
        link(one, "heir", "./opt/gone/file"),
        link(one, "second", "./opt/gone/file"),
        // A link to a link: the archive has the bytes elsewhere.
        link(gone, "link", "./opt/one/here"),
        link(one, "again", "./opt/gone/link"),
        link(gone, "further", "./opt/gone/other"),
        link(last, "heir", "./opt/gone/further"),
    ]);
    let deb = deb("a", &data);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &deb).unwrap();
    let mut archive = Archive::new(vec![Package { name: "a", fields: "", deb }]);
    archive.path_rules = LeftOut { exclude: vec!["/opt/gone/*"], ..LeftOut::default() }.rules();
    let locked = archive.lock(&["a"]).unwrap();
    let path = |_: &imgbuild_lock::DebianPackage| file.path().to_owned();
    let all = sources(&locked.set, &locked.packages, path, &[], 0).unwrap();
    let package = all.iter().find(|it| it.part().id.as_str() == "debian/a").unwrap();
    let (mut shown, mut by_several) = (Shown::default(), Shown(String::new(), 3));
    package.write(&Exclusions::new(), &mut shown).unwrap();
    package.write(&Exclusions::new(), &mut by_several).unwrap();
    assert_eq!(shown.0, by_several.0);
    assert_snapshot!(shown.0, @r#"
    /opt/one/here 644 "here"
    /opt/one/heir 644 "bytes"
    /opt/last/heir 644 "other bytes"
    /opt/one/second Hardlink { target: ImagePath("opt/one/heir") }
    /opt/one/again Hardlink { target: ImagePath("opt/one/here") }
    /var/lib/dpkg/info/a.list 644 "/opt/one/here\n/opt/one/heir\n/opt/one/second\n/opt/one/again\n/opt/last/heir\n"
    "#);
}
