//! Layers that lie in another cache than the store.

#![expect(clippy::unwrap_used, reason = "these are tests, with functions that they share")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use imgbuild_build::{Report, Request, build};
use imgbuild_fetch::{Context, Silent};
use imgbuild_image::{Format, Output};
use imgbuild_net::{Client, Options};
use imgbuild_oci::Platform;
use imgbuild_spec::Spec;
use imgbuild_store::{Kind, LayerCaches, Store};

fn context(folder: &Path, store: &Store) -> Context {
    let client = Client::new(Options { offline: true, ..Options::default() }).unwrap();
    let mut context =
        Context::new(store.clone(), client, Arc::new(Silent), Platform::LinuxAmd64, 1_700_000_000);
    context.folder = folder.to_owned();
    context.source_date_epoch = Some(1);
    context
}

async fn built(spec: &Path, output: &Path, format: Format, context: &Context) -> Report {
    let request = Request { output: Some(Output::Folder(output.to_owned())), format, ..Request::default() };
    build(&Spec::load(spec).unwrap(), spec, &request, context).await.unwrap()
}

#[tokio::test]
async fn an_image_is_made_of_layers_that_the_store_does_not_have() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let spec = path("spec.toml");
    let copies = "[[copy]]\nfrom = \"a\"\nto = \"/a\"\n";
    fs::write(&spec, format!("name = \"x\"\nbase = \"scratch\"\n{copies}")).unwrap();
    fs::write(path("a"), "a file").unwrap();
    let (far, own) = (Store::open(path("far")).unwrap(), Store::open(path("own")).unwrap());

    let first = built(&spec, &path("first"), Format::Oci, &context(folder.path(), &far)).await;
    assert!(first.built[0].layers.iter().all(|layer| !layer.reused));

    let mut context = context(folder.path(), &own);
    context.layers = LayerCaches::new(own.clone()).with(Arc::new(far));
    let second = built(&spec, &path("second"), Format::Oci, &context).await;
    assert!(!second.built[0].layers.is_empty());
    assert!(second.built[0].layers.iter().all(|layer| layer.reused));
    let tarball = |name: &str| fs::read(path(name).join("x-latest.tar")).unwrap();
    assert!(tarball("first") == tarball("second"));
    // The store has the image's documents, and none of its layers.
    assert!(own.ls().unwrap().iter().all(|entry| entry.kind != Kind::Layer));
    for layer in &second.built[0].layers {
        assert_eq!(own.blob(&layer.record.descriptor.digest).unwrap(), None);
    }
}
