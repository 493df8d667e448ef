//! Images of a registry are looked at where they are.

use imgbuild_oci::Digest;
use imgbuild_tests::{Imgbuild, Registry};
use serde_json::Value;

use crate::sample::{IMAGE, Sample};

/// The most bytes that may come of an image to tell what is in it.
const MOST: u64 = 2_000_000;

#[test]
fn of_an_image_in_a_registry_little_is_read() {
    let sample = Sample::built();
    let registry = Registry::new();
    let name = format!("{}/team/x:1", registry.address());
    sample.bench.run(&["push", IMAGE, &name]);
    let digest = |text: &Value| -> Digest {
        Digest::from_hex(text.as_str().unwrap().trim_start_matches("sha256:")).unwrap()
    };
    let here = sample.bench.run(&["inspect", IMAGE, "--packages", "--json"]).stdout;
    let report: Value = serde_json::from_str(&here).unwrap();
    // Nobody can read what is not there: all that is left is small, and more of it is large than may come.
    let layers = report["layers"].as_array().unwrap();
    let (large, small): (Vec<_>, Vec<_>) =
        layers.iter().partition(|it| it["size"].as_u64().unwrap() > MOST / 4);
    assert!(large.iter().map(|it| it["size"].as_u64().unwrap()).sum::<u64>() > 4 * MOST);
    assert!(small.iter().map(|it| it["size"].as_u64().unwrap()).sum::<u64>() < MOST);
    for layer in large {
        fs_err::remove_file(registry.blob_file(&digest(&layer["digest"]))).unwrap();
    }
    let elsewhere = Imgbuild::with_private_store();
    let there = elsewhere.run(["inspect", &name, "--packages", "--json"]).success().stdout;
    assert_eq!(serde_json::from_str::<Value>(&there).unwrap(), report);
    let why = |program: &Imgbuild, image: &str| program.run(["why", image, "good"]).success().stdout;
    assert_eq!(why(&elsewhere, &name), why(&sample.bench.imgbuild, IMAGE));
    let same = elsewhere.run(["diff", &name, &name]).success().stdout;
    assert_eq!(same, "the same image, bit for bit\n");
    // What needs the whole image says which layer it lacks.
    let said = elsewhere.run(["ls", &name, "/"]).failure().stderr;
    assert!(said.contains("the layer `sha256:"), "{said}");
}
