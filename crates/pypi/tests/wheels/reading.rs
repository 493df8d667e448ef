//! Reading the metadata of wheels by parts.

use std::fs;

use imgbuild_oci::Digest;
use imgbuild_pypi::WheelReader;
use insta::assert_snapshot;

use crate::bench::{Bench, GOOD, wheel};
use crate::index::Behaviour;
use crate::support::message;

/// Bytes that cannot be packed.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_read_by_parts_and_once() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "2.0", &[]).member("inner/large.bin", 0o100_644, &noise(200_000))]);
    let request = bench.request(&["inner"]);
    bench.locked(&request).await;
    let parts = |requests: Vec<String>| {
        let of_files = requests.into_iter().filter(|it| it.contains("/files/") && !it.contains(".metadata"));
        of_files.collect::<Vec<_>>()
    };
    // The end, and what stands before it: hand-made wheels have their metadata at the beginning.
    assert_eq!(
        parts(bench.index.requests()),
        ["GET /files/inner-2.0-py3-none-any.whl -65536", "GET /files/inner-2.0-py3-none-any.whl 0-135360"]
    );
    bench.locked(&request).await;
    assert_eq!(parts(bench.index.requests()), Vec::<String>::new());
    assert_eq!(bench.fetched.lock().unwrap().len(), 0);
    let read = bench.lock(&request).await.unwrap();
    let whole = crate::support::locked(&bench.wheels.join("inner-2.0-py3-none-any.whl")).unwrap();
    assert_eq!(read.wheels[0].package.facts, whole.facts);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_may_stand_anywhere() {
    let bench = Bench::new(GOOD);
    // The metadata is written first, and everything else behind it.
    let mut far = wheel("far", "1.0", &[]);
    for number in 0..40 {
        far = far.member(&format!("far/{number}.bin"), 0o100_644, &noise(60_000));
    }
    bench.add(&[far]);
    let read = bench.lock(&bench.request(&["far"])).await.unwrap();
    let whole = crate::support::locked(&bench.wheels.join("far-1.0-py3-none-any.whl")).unwrap();
    assert_eq!(read.wheels[0].package.facts, whole.facts);
    assert_eq!(bench.fetched.lock().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_ranges_sends_all_of_it() {
    let bench = Bench::new(Behaviour { ranges: false, ..GOOD });
    bench.add(&[wheel("inner", "2.0", &[]).member("inner/large.bin", 0o100_644, &noise(200_000))]);
    assert_eq!(bench.locked(&bench.request(&["inner"])).await, "inner* 2.0");
    assert_eq!(*bench.fetched.lock().unwrap(), ["inner-2.0-py3-none-any.whl"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_unpacks_to_more_than_it_says_is_refused() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[])]);
    let path = bench.wheels.join("inner-1.0-py3-none-any.whl");
    let url = format!("http://{}/files/inner-1.0-py3-none-any.whl", bench.index.address).parse().unwrap();
    let filename = "inner-1.0-py3-none-any.whl".parse().unwrap();
    let reader = WheelReader { client: &bench.client, archives: &bench, store: &bench.store };
    // Its size is stated twice, in the directory and before the member: both say one byte less, or gigabytes.
    let bytes = fs::read(&path).unwrap();
    let text = wheel("inner", "1.0", &[]).record_text();
    let stated = (text.len() as u32).to_le_bytes();
    let mut shown = Vec::new();
    for (number, size) in [(1_u8, text.len() as u32 - 1), (2, u32::MAX - 1)] {
        let mut changed = bytes.clone();
        let places: Vec<usize> =
            changed.windows(4).enumerate().filter(|(_, it)| *it == stated).map(|(at, _)| at).collect();
        assert_eq!(places.len(), 2);
        for at in places {
            changed[at..at + 4].copy_from_slice(&size.to_le_bytes());
        }
        fs::write(&path, &changed).unwrap();
        let error = reader.wheel(&filename, &url, Some(Digest::of([number])), None).await.unwrap_err();
        shown.push(message(&error));
    }
    assert_snapshot!(shown.join("\n"), @r#"
    `inner-1.0-py3-none-any.whl` cannot be installed: cannot read the archive: the zip container is ambiguous or damaged at `inner-1.0.dist-info/RECORD`: it holds more bytes than the directory says
    `inner-1.0-py3-none-any.whl` cannot be installed: its `inner-1.0.dist-info/RECORD` is larger than 64 MiB
    "#);
}
