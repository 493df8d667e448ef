//! Lists of wheels that are taken as they are, and wheels that are found again.

use std::fs;

use insta::assert_snapshot;
use oci::Digest;
use pypi::{AllowBuilds, Request};

use crate::bench::{Bench, GOOD, provided, wheel};
use crate::index::Behaviour;
use crate::support::message;

/// An entry of a lock file for the wheel `NAME-1.0-py3-none-any.whl` of the index.
fn entry(bench: &Bench, name: &str) -> String {
    let file = format!("{name}-1.0-py3-none-any.whl");
    let hash = Digest::of(fs::read(bench.wheels.join(&file)).unwrap()).hex();
    let url = format!("http://{}/files/{file}", bench.index.address);
    format!(
        "[[packages]]\nname = '{name}'\nversion = '1.0'\nwheels = [{{ url = '{url}', hashes = {{ sha256 = '{hash}' }} }}]\n"
    )
}

async fn taken(bench: &Bench, request: &Request, entries: &[String]) -> String {
    let text = format!("lock-version = '1.0'\ncreated-by = 'test'\n{}", entries.concat());
    let taken = bench.locking(async |locking| locking.take_pylock(request, &text, &bench.spec).await).await;
    taken.map_or_else(|error| bench.plain(&message(&error)), |locked| bench.shown(&locked))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_file_is_taken_as_it_is() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[]), wheel("outer", "1.0", &["inner>=1", "numpy<2"])]);
    bench.add(&[wheel("late", "1.0", &["inner>=2"]), wheel("numpy", "1.0", &[])]);
    wheel("near", "1.0", &[]).write(&bench.spec);
    let [inner, outer, late, numpy] = ["inner", "outer", "late", "numpy"].map(|name| entry(&bench, name));
    let near = entry(&bench, "inner").replace("inner", "near");
    let near_hash = Digest::of(fs::read(bench.spec.join("near-1.0-py3-none-any.whl")).unwrap()).hex();
    let (start, _) = near.split_once("wheels").unwrap();
    let near = format!(
        "{start}wheels = [{{ path = 'near-1.0-py3-none-any.whl', hashes = {{ sha256 = '{near_hash}' }} }}]\n"
    );
    let request =
        |version: &str| Request { provided: vec![provided("numpy", version)], ..bench.request(&[]) };
    assert_snapshot!(taken(&bench, &request("1.26.4"), &[inner.clone(), outer.clone(), near]).await, @r#"
    inner* 1.0 from http://INDEX/files/inner-1.0-py3-none-any.whl
    near* 1.0 from near-1.0-py3-none-any.whl
    outer* 1.0 from http://INDEX/files/outer-1.0-py3-none-any.whl
    provided: numpy 1.26.4
    "#);
    // It lists what conda has as well: in the same version, and in another one.
    assert_snapshot!(taken(&bench, &request("1.0"), &[inner.clone(), numpy.clone()]).await, @r#"
    inner* 1.0 from http://INDEX/files/inner-1.0-py3-none-any.whl
    provided: numpy 1.0
    "#);
    assert_snapshot!(taken(&bench, &request("1.26.4"), &[inner.clone(), numpy]).await, @r#"
    what the wheels require contradicts conda's package `numpy 1.26.4 py311h0_0`, which provides `numpy 1.26.4`:
    the wheel is `numpy-1.0-py3-none-any.whl`
    hint: let conda install another version of it, or change the requirement
    "#);
    assert_snapshot!(taken(&bench, &request("2.0.0"), &[inner.clone(), outer.clone()]).await, @r#"
    `outer 1.0`, which requires `numpy<2`, contradicts conda's package `numpy 2.0.0 py311h0_0`, which provides `numpy 2.0.0`
    hint: let conda install another version of it, or change the requirement
    "#);
    assert_snapshot!(taken(&bench, &bench.request(&[]), &[inner.clone(), outer]).await, @r#"
    `outer 1.0` requires `numpy<2`, and nothing is there by the name `numpy`
    hint: the list of packages must be whole: it is taken as it is
    "#);
    assert_snapshot!(taken(&bench, &bench.request(&[]), &[inner, late]).await, @r#"
    `late 1.0` requires `inner>=2`, and the list has `inner 1.0`
    hint: the list of packages must be whole: it is taken as it is
    "#);
    let sdist = "[[packages]]\nname = 'odd'\nversion = '1.0'\nsdist = { url = 'http://h.example/odd-1.0.tar.gz', hashes = { sha256 = '0000000000000000000000000000000000000000000000000000000000000000' } }\n".to_owned();
    assert_snapshot!(taken(&bench, &bench.request(&[]), std::slice::from_ref(&sdist)).await, @r#"
    the source distribution `odd-1.0.tar.gz` is no wheel, and may not be built
    hint: `allow-builds = ["odd"]` in `[pip]` lets imgbuild build it, in the sandbox
    "#);
    bench.add(&[wheel("inner", "2.0", &[])]);
    let allowed = Request { allow_builds: AllowBuilds::Everything, ..bench.request(&[]) };
    assert_snapshot!(taken(&bench, &allowed, &[sdist, entry(&bench, "inner")]).await, @r#"
    inner* 1.0 from http://INDEX/files/inner-1.0-py3-none-any.whl
    odd* 1.0 built
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn listed_wheels_are_taken_as_they_are() {
    let bench = Bench::new(GOOD);
    let filename = "native-1.0-cp311-cp311-win_amd64.whl";
    bench.add(&[wheel("inner", "1.0", &[]), wheel("native", "1.0", &[]).named(filename)]);
    let listed = |name: &str| pypi::ListedWheel {
        url: format!("http://{}/files/{name}", bench.index.address).parse().unwrap(),
        sha256: Digest::of(fs::read(bench.wheels.join(name)).unwrap()),
        size: None,
    };
    let request = bench.request(&[]);
    let take = async |wheels: &[pypi::ListedWheel]| {
        let taken = bench.locking(async |locking| locking.take_wheels(&request, wheels).await).await;
        taken.map_or_else(|error| bench.plain(&message(&error)), |locked| bench.shown(&locked))
    };
    let inner = listed("inner-1.0-py3-none-any.whl");
    assert_snapshot!(take(std::slice::from_ref(&inner)).await, @"inner* 1.0 from http://INDEX/files/inner-1.0-py3-none-any.whl");
    assert_snapshot!(take(&[inner.clone(), inner]).await, @"the lock file has `inner` twice for Python 3.11 on linux/amd64 with glibc 2.36");
    assert_snapshot!(take(&[listed(filename)]).await, @r#"
    no wheel of `native 1.0` fits Python 3.11 on linux/amd64 with glibc 2.36: there is `cp311-cp311-win_amd64`
    hint: wanted is one of `cp311-cp311-manylinux_2_36_x86_64`, `cp311-abi3-manylinux_2_36_x86_64`, `py3-none-any`
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn wheels_are_found_again() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[]), wheel("inner", "2.0", &[]), wheel("outer", "1.0", &["inner<2"])]);
    let locked = bench.lock(&bench.request(&["outer"])).await.unwrap();
    let packages: Vec<_> = locked.wheels.iter().map(|it| &it.package).collect();
    let located = async |bench: &Bench, anew: bool| {
        bench.index.requests();
        let request = bench.request(&[]);
        let located = bench.locking(async |locking| locking.locate(&request, &packages, anew).await).await;
        let urls = located.map(|urls| {
            let of = |package: &&lock::PypiPackage| urls[&package.sha256].to_string();
            packages.iter().map(of).collect::<Vec<_>>().join("\n")
        });
        let text = urls.unwrap_or_else(|error| message(&error));
        (bench.plain(&text), bench.index.requests().is_empty())
    };
    let (urls, is_remembered) = located(&bench, false).await;
    assert!(is_remembered);
    assert_snapshot!(urls, @r#"
    http://INDEX/files/inner-1.0-py3-none-any.whl
    http://INDEX/files/outer-1.0-py3-none-any.whl
    "#);
    // Another machine asks another mirror, which has more.
    let other = Bench::new(Behaviour { json: false, metadata: false, ..GOOD });
    other.add(&[wheel("inner", "1.0", &[]), wheel("inner", "3.0", &[]), wheel("outer", "1.0", &["inner<2"])]);
    assert_eq!(located(&other, false).await, (urls.clone(), false));
    assert_eq!(located(&other, false).await, (urls.clone(), true));
    assert_eq!(located(&other, true).await.0, urls);
    // Where the file was replaced, it is another one.
    let replaced = Bench::new(GOOD);
    replaced.add(&[wheel("inner", "1.0", &["more"]), wheel("outer", "1.0", &["inner<2"])]);
    assert_snapshot!(located(&replaced, false).await.0, @r#"
    no index has `inner-1.0-py3-none-any.whl` with the locked hash any more
    hint: lock again with `--upgrade inner`
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn frameworks_must_use_cuda() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("torch", "2.6.0+cpu", &[]), wheel("jaxlib", "0.5.0", &[])]);
    let listed = |name: &str| pypi::ListedWheel {
        url: format!("http://{}/files/{name}", bench.index.address).parse().unwrap(),
        sha256: Digest::of(fs::read(bench.wheels.join(name)).unwrap()),
        size: None,
    };
    let wheels = ["torch-2.6.0+cpu-py3-none-any.whl", "jaxlib-0.5.0-py3-none-any.whl"].map(listed);
    let request = Request { cuda: Some("12.4".to_owned()), ..bench.request(&[]) };
    let refused = bench.locking(async |locking| locking.take_wheels(&request, &wheels).await).await;
    assert_snapshot!(refused.unwrap_err(), @r#"
    the image has CUDA 12.4, and these wheels do not use it:
      `torch 2.6.0+cpu`: its version says so
      `jaxlib 0.5.0`: no plugin of CUDA is among the packages: `jax[cuda12]` brings one
    hint: choose other versions or an index with wheels for CUDA, or leave `cuda` out
    "#);
    let request = bench.request(&[]);
    let taken = bench.locking(async |locking| locking.take_wheels(&request, &wheels).await).await;
    assert_eq!(taken.unwrap().wheels.len(), 2);
}
