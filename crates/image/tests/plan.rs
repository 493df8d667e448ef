//! What a lock plans: known before anything is made.

#![expect(clippy::unwrap_used, reason = "these are tests, with functions that they share")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use imgbuild_fetch::{Context, Silent};
use imgbuild_image::{Format, LayerSummary, make, variant_plan};
use imgbuild_layer::{FormatVersion, Threshold};
use imgbuild_lock::{Lock, LockBuilder};
use imgbuild_net::{Client, Options};
use imgbuild_oci::{Digest, Platform};
use imgbuild_spec::{Spec, Variant};
use imgbuild_store::Store;

fn context(folder: &Path) -> Context {
    let client = Client::new(Options { offline: true, ..Options::default() }).unwrap();
    let store = Store::open(folder.join("store")).unwrap();
    Context::new(store, client, Arc::new(Silent), Platform::LinuxAmd64, 1_700_000_000)
}

fn variant(folder: &Path, more: &str) -> Variant {
    let path = folder.join("spec.toml");
    fs::write(&path, format!("name = \"x\"\nbase = \"scratch\"\n{more}")).unwrap();
    Spec::load(&path).unwrap().variants(Platform::LinuxAmd64).unwrap().remove(0)
}

/// A lock of a variant that needs no package.
fn lock(variant: &Variant) -> Lock {
    let mut lock = LockBuilder::new(FormatVersion::LATEST);
    lock.add_variant(imgbuild_lock::Variant {
        tags: variant.tags.clone(),
        platform: variant.platform,
        keys: variant.keys.clone(),
        timestamp: 1,
        threshold: Threshold(1 << 20),
        cuts: Vec::new(),
        debian: None,
        layout: None,
        image: None,
        conda: None,
        pypi: None,
        environments: Vec::new(),
    });
    lock.finish(Digest::of(""))
}

fn layers(folder: &Path, more: &str, text: &str, format: Format) -> Vec<LayerSummary> {
    let (variant, context) = (variant(folder, more), context(folder));
    let plan = variant_plan((&lock(&variant), text), 0, &variant, folder, format, &context).unwrap();
    plan.layers(&context).unwrap()
}

const COPY: &str = "[[copy]]\nfrom = \"a\"\nto = \"/a\"\n";

#[tokio::test]
async fn a_plan_has_the_lock_and_what_is_copied_and_knows_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("a"), "hi").unwrap();
    let bare = layers(folder, "", "lock", Format::Oci);
    let [own] = &*bare else { unreachable!("{bare:?}") };
    assert_eq!((own.title.as_str(), own.present), ("the lock and the bill of materials", false));
    assert!(own.weight > "lock".len() as u64);
    let with_copy = layers(folder, COPY, "lock", Format::Oci);
    let [own, copied] = &*with_copy else { unreachable!("{with_copy:?}") };
    assert_eq!(
        (own.title.as_str(), copied.weight, copied.present),
        ("the lock and the bill of materials", 2, false)
    );
    // What is made is there, for every variant that has the same in it; another compression is another layer.
    let (variant, context) = (variant(folder, COPY), context(folder));
    let plan = variant_plan((&lock(&variant), "lock"), 0, &variant, folder, Format::Oci, &context).unwrap();
    let made = make(&[plan], None, &context).await.unwrap();
    assert_eq!(made[0].iter().map(|layer| layer.reused).collect::<Vec<_>>(), [false, false]);
    let present = |layers: Vec<LayerSummary>| layers.iter().map(|it| it.present).collect::<Vec<_>>();
    assert_eq!(present(layers(folder, "", "lock", Format::Oci)), [true]);
    assert_eq!(present(layers(folder, COPY, "lock", Format::Oci)), [true, true]);
    assert_eq!(present(layers(folder, COPY, "another lock", Format::Oci)), [false, true]);
    assert_eq!(present(layers(folder, COPY, "lock", Format::Docker)), [false, false]);
    fs::write(folder.join("a"), "ho").unwrap();
    assert_eq!(present(layers(folder, COPY, "lock", Format::Oci)), [true, false]);
}
