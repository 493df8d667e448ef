//! Lists of wheels that are taken as they are, and wheels that are found again.

use std::fs;

use imgbuild_oci::Digest;
use imgbuild_pypi::{ListedPackage, ListedWheel, ProjectSource, Request, StatedHashes};
use imgbuild_requirement::ProjectParts;
use imgbuild_spec::AllowBuilds;
use insta::assert_snapshot;
use md5::Digest as _;

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
    let taken = bench
        .locking(async |locking| {
            locking.take_pylock(request, &text, &bench.spec, &ProjectParts::default()).await
        })
        .await;
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
    let allowed = Request { allow_builds: AllowBuilds::All, ..bench.request(&[]) };
    assert_snapshot!(taken(&bench, &allowed, &[sdist, entry(&bench, "inner")]).await, @r#"
    inner* 1.0 from http://INDEX/files/inner-1.0-py3-none-any.whl
    odd* 1.0 built
    "#);
}

/// A wheel of the index in another tool's lock, with its hash by an algorithm.
fn listed(bench: &Bench, name: &str, algorithm: Option<&str>) -> ListedPackage {
    let content = fs::read(bench.wheels.join(name)).unwrap();
    let hash = |algorithm: &str| match algorithm {
        "sha256" => Digest::of(content).hex().to_owned(),
        "md5" => format!("{:x}", md5::Md5::digest(content)),
        _ => "00".to_owned(),
    };
    let url: url::Url = format!("http://{}/files/{name}", bench.index.address).parse().unwrap();
    ListedPackage::Wheel(ListedWheel {
        given: url.to_string(),
        url: url.into(),
        hashes: StatedHashes::new(algorithm.map(|algorithm| (algorithm.to_owned(), hash(algorithm)))),
        size: None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wheel_without_sha256_is_downloaded_and_hashed() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[])]);
    let name = "inner-1.0-py3-none-any.whl";
    let sha256 = Digest::of(fs::read(bench.wheels.join(name)).unwrap());
    let take = async |request: &Request, package: ListedPackage| {
        bench.locking(async |locking| locking.take_listed(request, &[package]).await).await
    };
    let request = bench.request(&[]);
    for algorithm in [None, Some("md5"), Some("sha256")] {
        let locked = take(&request, listed(&bench, name, algorithm)).await.unwrap();
        let package = &locked.wheels[0].package;
        assert_eq!(package.sha256, sha256, "{algorithm:?}");
        assert!(package.url.as_ref().unwrap().ends_with(name));
    }
    let other = |algorithm: &str| {
        let ListedPackage::Wheel(wheel) = listed(&bench, name, None) else { panic!() };
        let hashes = StatedHashes::new([(algorithm.to_owned(), "00".repeat(16))]);
        ListedPackage::Wheel(ListedWheel { hashes, ..wheel })
    };
    let refused = async |package| bench.plain(&message(&take(&request, package).await.unwrap_err()));
    assert_snapshot!(refused(other("md5")).await, @"`inner-1.0-py3-none-any.whl` has the md5 `3987b8e727072f42a1802512023ae5f0`, and the lock says `00000000000000000000000000000000`");
    assert_snapshot!(refused(other("blake3")).await, @"of `inner-1.0-py3-none-any.whl` the lock has no hash that is known here, but `blake3`");
    // What was locked once is that file from then on.
    let locked = take(&request, listed(&bench, name, None)).await.unwrap();
    let mut earlier = locked.wheels[0].package.clone();
    earlier.sha256 = Digest::of("another");
    let again = Request { earlier: vec![earlier], ..bench.request(&[]) };
    let locked = take(&again, listed(&bench, name, None)).await.unwrap();
    assert_eq!(locked.wheels[0].package.sha256, Digest::of("another"));
}

#[tokio::test(flavor = "multi_thread")]
async fn listed_sources_are_built_with_permission_only() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "2.0", &[])]);
    let folder = |name: Option<&str>, given: &str| ListedPackage::Source {
        source: ProjectSource::Folder {
            name: name.map(str::to_owned),
            path: given.into(),
            given: given.to_owned(),
            editable: true,
        },
        hashes: StatedHashes::default(),
    };
    let git = ListedPackage::Source {
        source: ProjectSource::Git {
            name: Some("theirs".to_owned()),
            url: "https://git.example/theirs".parse().unwrap(),
            revision: Some("0123".to_owned()),
            subdirectory: None,
        },
        hashes: StatedHashes::default(),
    };
    let take = async |packages: &[ListedPackage], allow_builds: AllowBuilds| {
        let request = Request { allow_builds, ..bench.request(&[]) };
        let taken = bench.locking(async |locking| locking.take_listed(&request, packages).await).await;
        taken.map_or_else(|error| bench.plain(&message(&error)), |locked| bench.shown(&locked))
    };
    let all = [folder(Some("odd"), "."), git, folder(None, "../unnamed")];
    assert_snapshot!(take(&all, AllowBuilds::None).await, @r#"
    3 packages are no wheels, and may not be built:
      `odd`: the folder `.`
      `theirs`: the git repository `https://git.example/theirs`
      the folder `../unnamed`
    hint: `allow-builds = true` in `[pip]` lets imgbuild build them, in the sandbox; so does its name, where the requirement says that: `name @ …`
    "#);
    assert_snapshot!(take(&all[..2], AllowBuilds::Named(vec!["odd".parse().unwrap()])).await, @r#"
    the git repository `https://git.example/theirs` is no wheel, and may not be built
    hint: `allow-builds = ["odd", "theirs"]` in `[pip]` lets imgbuild build it, in the sandbox
    "#);
    // Beside wheels that do not fit they are told at once.
    bench.add(&[wheel("native", "1.0", &[]).named("native-1.0-cp311-cp311-win_amd64.whl")]);
    let native = listed(&bench, "native-1.0-cp311-cp311-win_amd64.whl", Some("sha256"));
    let mixed = [all[0].clone(), native, all[1].clone()];
    assert_snapshot!(take(&mixed, AllowBuilds::Named(vec!["odd".parse().unwrap()])).await, @r#"
    2 packages have no wheel that fits Python 3.11 on linux/amd64 with glibc 2.36:
      `native 1.0`: its wheels are for Windows alone
        there is `cp311-cp311-win_amd64`
      `theirs`: it is the git repository `https://git.example/theirs`, which may not be built
      wanted is one of `cp311-cp311-manylinux_2_36_x86_64`, `cp311-abi3-manylinux_2_36_x86_64`, `py3-none-any`
    hint: `allow-builds = ["theirs"]` in `[pip]` lets imgbuild build it, in the sandbox
    "#);
    assert_snapshot!(take(&all[..1], AllowBuilds::Named(vec!["odd".parse().unwrap()])).await, @r#"
    `odd 7.0` requires `inner>=1`, and nothing is there by the name `inner`
    hint: the list of packages must be whole: it is taken as it is
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn listed_wheels_are_taken_as_they_are() {
    let bench = Bench::new(GOOD);
    let filename = "native-1.0-cp311-cp311-win_amd64.whl";
    bench.add(&[wheel("inner", "1.0", &[]), wheel("native", "1.0", &[]).named(filename)]);
    let listed = |name: &str| listed(&bench, name, Some("sha256"));
    let request = bench.request(&[]);
    let take = async |wheels: &[ListedPackage]| {
        let taken = bench.locking(async |locking| locking.take_listed(&request, wheels).await).await;
        taken.map_or_else(|error| bench.plain(&message(&error)), |locked| bench.shown(&locked))
    };
    let inner = listed("inner-1.0-py3-none-any.whl");
    assert_snapshot!(take(std::slice::from_ref(&inner)).await, @"inner* 1.0 from http://INDEX/files/inner-1.0-py3-none-any.whl");
    assert_snapshot!(take(&[inner.clone(), inner]).await, @"the lock file has `inner` twice for Python 3.11 on linux/amd64 with glibc 2.36");
    assert_snapshot!(take(&[listed(filename)]).await, @r#"
    no wheel of `native 1.0` fits Python 3.11 on linux/amd64 with glibc 2.36: its wheels are for Windows alone
        there is `cp311-cp311-win_amd64`
      wanted is one of `cp311-cp311-manylinux_2_36_x86_64`, `cp311-abi3-manylinux_2_36_x86_64`, `py3-none-any`
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
            let of = |package: &&imgbuild_lock::PypiPackage| urls[&package.sha256].to_string();
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
    let listed = |name: &str| listed(&bench, name, Some("sha256"));
    let wheels = ["torch-2.6.0+cpu-py3-none-any.whl", "jaxlib-0.5.0-py3-none-any.whl"].map(listed);
    let request = Request { cuda: Some("12.4".to_owned()), ..bench.request(&[]) };
    let refused = bench.locking(async |locking| locking.take_listed(&request, &wheels).await).await;
    assert_snapshot!(message(&refused.unwrap_err()), @r#"
    the image has CUDA 12.4, and these wheels do not use it:
      `torch 2.6.0+cpu`: its version says so
      `jaxlib 0.5.0`: no plugin of CUDA is among the packages: `jax[cuda12]` brings one
    hint: choose other versions or an index with wheels for CUDA, or leave `cuda` out
    "#);
    let request = bench.request(&[]);
    let taken = bench.locking(async |locking| locking.take_listed(&request, &wheels).await).await;
    assert_eq!(taken.unwrap().wheels.len(), 2);
}
