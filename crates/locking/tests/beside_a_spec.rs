//! The lock beside a spec: made, kept, stale.

#![expect(clippy::unwrap_used, reason = "these are tests, with functions that they share")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imgbuild_fetch::{Context, Silent};
use imgbuild_locking::{
    LockFailure, LockSpecError, Locked, PackageUpgrade, Purpose, Upgrade, check_lock, current_lock,
    known_lock, lock_path, read_spec, renew_lock,
};
use imgbuild_net::{Client, Options};
use imgbuild_oci::Platform;
use imgbuild_spec::{Spec, Variant};
use imgbuild_store::Store;
use tempfile::TempDir;

const TWO: &str = "name = \"x\"\ntags = [\"{v}\"]\nbase = \"scratch\"\n[image]\nlabels = { v = \"{v}\" }\n[matrix]\nv = [\"a\", \"b\"]\n";

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn spec(&self) -> PathBuf {
        self.0.path().join("spec.toml")
    }

    fn lock(&self) -> PathBuf {
        lock_path(&self.spec())
    }

    fn context(&self) -> Context {
        let client = Client::new(Options { offline: true, ..Options::default() }).unwrap();
        let store = Store::open(self.0.path().join("store")).unwrap();
        let mut context = Context::new(store, client, Arc::new(Silent), Platform::LinuxAmd64, 1_700_000_000);
        self.0.path().clone_into(&mut context.folder);
        context.source_date_epoch = Some(1);
        context
    }

    fn read(&self, text: &str) -> (Spec, Vec<Variant>) {
        fs::write(self.spec(), text).unwrap();
        read_spec(&self.spec(), Platform::LinuxAmd64, Purpose::Lock, || Some(self.context())).unwrap()
    }

    async fn current(&self, text: &str, locked: bool) -> Result<Locked, LockSpecError> {
        let (spec, variants) = self.read(text);
        current_lock(&spec, &variants, &self.lock(), locked, &self.context()).await
    }
}

fn failure(error: LockSpecError) -> LockFailure {
    match error {
        LockSpecError::Lock(failure) => failure,
        other => unreachable!("{other}"),
    }
}

fn is(path: &Path, other: &Path) -> bool {
    path == other
}

#[tokio::test]
async fn a_lock_is_made_once_and_renewed_when_the_spec_asks_for_something_else() {
    let folder = Folder::new();
    let error = failure(folder.current(TWO, true).await.unwrap_err());
    assert!(matches!(error, LockFailure::NoLock { path } if is(&path, &folder.lock())));
    let made = folder.current(TWO, false).await.unwrap();
    assert_eq!((made.lock.variants.len(), made.changes.is_some()), (2, true));
    assert_eq!(fs::read_to_string(folder.lock()).unwrap(), made.text);
    // What the image is, and not what is locked, makes no lock stale.
    let label = TWO.replace("v = \"{v}\" }", "v = \"{v}\", w = \"1\" }");
    for text in [TWO, &label] {
        let kept = folder.current(text, true).await.unwrap();
        assert_eq!((kept.text, kept.changes.is_some()), (made.text.clone(), false));
    }
    let (_, variants) = folder.read(TWO);
    assert!(check_lock(&variants, &folder.lock()).is_ok());
    let three = TWO.replace("\"b\"]", "\"b\", \"c\"]");
    let (_, variants) = folder.read(&three);
    assert!(known_lock(&variants, &folder.lock()).unwrap().is_none());
    let error = failure(check_lock(&variants, &folder.lock()).unwrap_err());
    assert!(matches!(error, LockFailure::Stale { .. }));
    let error = failure(folder.current(&three, true).await.unwrap_err());
    assert!(matches!(error, LockFailure::Stale { .. }));
    assert_eq!(folder.current(&three, false).await.unwrap().lock.variants.len(), 3);
}

#[tokio::test]
async fn the_same_spec_gives_the_same_lock() {
    let (one, other) = (Folder::new(), Folder::new());
    let text = |folder: &Folder| {
        let (spec, variants) = folder.read(TWO);
        (spec, variants, folder.lock(), folder.context())
    };
    let mut texts = Vec::new();
    for folder in [&one, &other, &one] {
        let (spec, variants, path, context) = text(folder);
        let all = Upgrade { packages: PackageUpgrade::All, format: false };
        texts.push(renew_lock(&spec, &variants, &path, &all, &context).await.unwrap().text);
    }
    assert_eq!(texts[0], texts[1]);
    assert_eq!(texts[0], texts[2]);
    // What is to be moved must be there.
    let (spec, variants, path, context) = text(&one);
    let numpy = PackageUpgrade::Packages(["numpy".to_owned()].into());
    let numpy = Upgrade { packages: numpy, format: false };
    let error = renew_lock(&spec, &variants, &path, &numpy, &context).await.unwrap_err();
    assert!(matches!(failure(error), LockFailure::NotLocked(name) if name == "numpy"));
}
