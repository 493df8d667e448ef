//! What uv is asked, what is chosen, and what requirements get that cannot be met.

use std::fs;

use imgbuild_oci::Digest;
use imgbuild_pypi::{Locking, ProvidedPackage, PytorchIndex, Request, Requirement, Uv, WheelReader};
use insta::assert_snapshot;

use crate::bench::{Bench, GOOD, provided, wheel};
use crate::support::message;

#[tokio::test(flavor = "multi_thread")]
async fn what_contradicts_itself_is_explained() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "2.0", &[]), wheel("outer", "1.0", &["inner<2"])]);
    assert_snapshot!(bench.refused(&bench.request(&["inner", "outer"])).await, @r#"
    [1] no set of wheels satisfies all requirements for Python 3.11 on linux/amd64 with glibc 2.36:
    No solution found when resolving dependencies
      cause: Because only inner==2.0 is available and all versions of outer depend on inner<2, we can conclude that all versions of outer cannot be used.
             And because you require outer, we can conclude that your requirements are unsatisfiable.
    "#);
    assert_snapshot!(bench.refused(&bench.request(&["inner", "absent"])).await, @"[1] `absent` cannot be had: no index has a package of that name");
    assert_snapshot!(bench.refused(&bench.request(&["inner", "outer =="])).await, @"[1] `outer ==` is not a requirement: `==` is not a comparison with a version");
    assert_snapshot!(bench.refused(&bench.request(&["inner", "--index-url http://user:pw@h.example/"])).await, @"[1] `--index-url http://h.example/` is not a requirement: it is an option, or more than one line");
    // With `-e`, uv would run the code of a project.
    assert_snapshot!(bench.refused(&bench.request(&["-e ./project"])).await, @"[0] `-e ./project` is not a requirement: it is an option, or more than one line");
    let constrained =
        Request { constraints: vec!["-e ./project".to_owned().into()], ..bench.request(&["inner"]) };
    assert_snapshot!(bench.refused(&constrained).await, @"`-e ./project` is not a constraint: it is an option, or more than one line");
    bench.add(&[wheel("native", "1.0", &[]).named("native-1.0-cp311-cp311-win_amd64.whl")]);
    assert_snapshot!(bench.refused(&bench.request(&["native"])).await, @r#"
    [0] no wheel of `native 1.0` fits Python 3.11 on linux/amd64 with glibc 2.36: its wheels are for Windows alone
        there is `cp311-cp311-win_amd64`
      wanted is one of `cp311-cp311-manylinux_2_36_x86_64`, `cp311-abi3-manylinux_2_36_x86_64`, `py3-none-any`
    "#);
    bench.add(&[wheel("damaged", "1.0", &[]).record("")]);
    assert_snapshot!(bench.refused(&bench.request(&["damaged"])).await, @"`damaged-1.0-py3-none-any.whl` cannot be installed: its `RECORD` does not list `damaged-1.0.dist-info/WHEEL`, which it holds");
    bench.add(&[wheel("other", "1.0", &[]).named("wrong-1.0-py3-none-any.whl")]);
    assert_snapshot!(bench.refused(&bench.request(&["wrong"])).await, @r#"
    `uv` failed while it chose Python packages:
    error: Package metadata name `other` does not match given name `wrong`
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_conda_provides_is_held_and_not_installed() {
    let mut bench = Bench::new(GOOD);
    bench.add(&[wheel("numpy", "1.26.4", &[]), wheel("numpy", "2.0.0", &[])]);
    bench.add(&[wheel("user", "1.0", &["numpy>=1.20"]), wheel("strict", "1.0", &["numpy>=2"])]);
    bench.add(&[wheel("around", "1.0", &["numpy>=1.18.5,<1.27"])]);
    bench.add(&[wheel("either", "1.0", &["numpy!=2.0.2"]), wheel("either", "1.1", &["numpy>3"])]);
    bench.add(&[wheel("pysocks", "1.7", &[]), wheel("pysocks", "1.5.7", &[]), wheel("chardet", "6.0", &[])]);
    bench.add(&[wheel("chardet", "5.0", &[]), wheel("caller", "1.0", &["requests[socks]>=2"])]);
    let with = |lines: &[&str], provided: &[ProvidedPackage]| Request {
        provided: provided.to_vec(),
        ..bench.request(lines)
    };
    let numpy = provided("numpy", "1.26.4");
    // Also a version that the index does not have.
    let own = provided("numpy", "1.26.3");
    // Old ways to install leave the version to the metadata.
    let requests = ProvidedPackage { version: None, ..provided("requests", "2.31.0") };
    let held = [
        with(&["user"], std::slice::from_ref(&numpy)),
        with(&["user", "numpy"], std::slice::from_ref(&own)),
        with(&["strict"], &[provided("numpy", "2.1.0")]),
        with(&["chardet"], std::slice::from_ref(&numpy)),
    ];
    let refused = [
        with(&["user", "numpy>=2"], std::slice::from_ref(&numpy)),
        with(&["user", "strict"], std::slice::from_ref(&numpy)),
        with(&["numpy @ http://h.example/numpy-1.26.4-py3-none-any.whl"], std::slice::from_ref(&numpy)),
        with(&["user", "around"], &[provided("numpy", "2.0.2")]),
        with(&["either"], &[provided("numpy", "2.0.2")]),
    ];
    let extras = [
        with(&["requests[socks]"], std::slice::from_ref(&requests)),
        with(&["caller", "chardet"], &[requests]),
    ];
    bench.metadata.insert(
        "requests".to_owned(),
        "Metadata-Version: 2.1\nName: requests\nVersion: 2.31.0\nProvides-Extra: socks\nRequires-Dist: chardet<6\nRequires-Dist: PySocks!=1.7; extra == 'socks'\n".to_owned(),
    );
    let mut shown = Vec::new();
    for request in held.iter().chain(&extras) {
        shown.push(bench.locked(request).await);
    }
    assert_snapshot!(shown.join("\n--\n"), @r#"
    user* 1.0
    provided: numpy 1.26.4
    --
    user* 1.0
    provided: numpy 1.26.3
    --
    strict* 1.0
    provided: numpy 2.1.0
    --
    chardet* 6.0
    --
    pysocks 1.5.7
    provided: requests 2.31.0
    --
    caller* 1.0
    chardet* 5.0
    pysocks 1.5.7
    provided: requests 2.31.0
    "#);
    for (request, place) in refused.iter().zip(0..) {
        let text = bench.refused(request).await;
        match place {
            0 => assert_snapshot!(text, @r#"
            [1] the pip requirement `numpy>=2` contradicts conda's package `numpy 1.26.4 py311h0_0`, which provides `numpy 1.26.4`
            hint: let conda install another version of it, or change the requirement
            "#),
            1 => assert_snapshot!(text, @r#"
            [1] the pip requirement `strict` contradicts conda's package `numpy 1.26.4 py311h0_0`, which provides `numpy 1.26.4`:
            No solution found when resolving dependencies
              cause: Because only numpy<2 is available and all versions of strict depend on numpy>=2, we can conclude that all versions of strict cannot be used.
                     And because you require strict, we can conclude that your requirements are unsatisfiable.
            hint: let conda install another version of it, or change the requirement
            "#),
            3 => assert_snapshot!(text, @r#"
            [1] the pip requirement `around` contradicts conda's package `numpy 2.0.2 py311h0_0`, which provides `numpy 2.0.2`:
            No solution found when resolving dependencies
              cause: Because only the following versions of numpy are available:
                         numpy<1.20
                         numpy>=1.27
                     and all versions of around depend on numpy>=1.18.5,<1.27, we can conclude that all versions of around depend on numpy>=1.18.5,<1.20.
                     And because all versions of user depend on numpy>=1.20, we can conclude that all versions of around and all versions of user are incompatible.
                     And because you require user and around, we can conclude that your requirements are unsatisfiable.
            hint: let conda install another version of it, or change the requirement
            "#),
            4 => assert_snapshot!(text, @r#"
            [0] the pip requirement `either` contradicts conda's package `numpy 2.0.2 py311h0_0`, which provides `numpy 2.0.2`:
            No solution found when resolving dependencies
              cause: Because only numpy==2.0.2 is available and either<=1.0 depends on one of:
                         numpy<2.0.2
                         numpy>2.0.2
                     we can conclude that either<=1.0 cannot be used.
                     And because only the following versions of either are available:
                         either<=1.0
                         either>=1.1
                     we can conclude that either<1.1 cannot be used. (1)

                     Because only numpy<=3 is available and either>=1.1 depends on numpy>3, we can conclude that either>=1.1 cannot be used.
                     And because we know from (1) that either<1.1 cannot be used, we can conclude that all versions of either cannot be used.
                     And because you require either, we can conclude that your requirements are unsatisfiable.
            hint: let conda install another version of it, or change the requirement
            "#),
            _ => assert_snapshot!(text, @r#"
            [0] the pip requirement `numpy @ http://h.example/numpy-1.26.4-py3-none-any.whl` contradicts conda's package `numpy 1.26.4 py311h0_0`, which provides `numpy 1.26.4`
            hint: let conda install another version of it, or change the requirement
            "#),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn earlier_versions_stay() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[]), wheel("outer", "1.0", &["inner"])]);
    let mut request = bench.request(&["outer"]);
    let first = bench.lock(&request).await.unwrap();
    let later = Bench::new(GOOD);
    later.add(&[wheel("inner", "1.0", &[]), wheel("inner", "2.0", &[]), wheel("outer", "1.0", &["inner"])]);
    later.add(&[wheel("outer", "2.0", &["inner"])]);
    request.folder.clone_from(&later.spec);
    assert_eq!(later.locked(&request).await, "inner 2.0\nouter* 2.0");
    request.earlier = first.wheels.into_iter().map(|it| it.package).collect();
    assert_eq!(later.locked(&request).await, "inner 1.0\nouter* 1.0");
    // What is asked for counts more than what was.
    request.requirements = vec![Requirement::new("outer>=2")];
    assert_eq!(later.locked(&request).await, "inner 1.0\nouter* 2.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn wheels_may_be_named_by_url_and_path() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[]), wheel("inner", "2.0", &[])]);
    wheel("near", "1.0", &["inner<2"]).write(&bench.spec);
    let url = format!("far @ http://{}/files/far-1.0-py3-none-any.whl", bench.index.address);
    bench.add(&[wheel("far", "1.0", &[])]);
    let request = bench.request(&["./near-1.0-py3-none-any.whl", &url]);
    assert_snapshot!(bench.locked(&request).await, @r#"
    far* 1.0 from http://INDEX/files/far-1.0-py3-none-any.whl
    inner 1.0
    near* 1.0 from near-1.0-py3-none-any.whl
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn hashes_are_demanded() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "2.0", &[]), wheel("outer", "1.0", &["inner>=1"])]);
    let hash = |name: &str| Digest::of(fs::read(bench.wheels.join(name)).unwrap());
    let with = |line: &str, hashes: &[Digest]| {
        let mut requirement = Requirement::new(line);
        requirement.hashes = hashes.to_vec();
        requirement
    };
    let of =
        |requirements: Vec<Requirement>| Request { require_hashes: true, requirements, ..bench.request(&[]) };
    let inner = with("inner==2.0", &[hash("inner-2.0-py3-none-any.whl")]);
    let outer = with("outer==1.0", &[hash("outer-1.0-py3-none-any.whl"), Digest::of("other")]);
    assert_snapshot!(bench.locked(&of(vec![inner.clone(), outer.clone()])).await, @r#"
    inner* 2.0
    outer* 1.0
    "#);
    assert_snapshot!(bench.refused(&of(vec![outer.clone()])).await, @r#"
    `outer 1.0` requires `inner>=1`, and nothing is there by the name `inner`
    hint: the list of packages must be whole: it is taken as it is
    "#);
    assert_snapshot!(bench.refused(&of(vec![inner, Requirement::new("outer==1.0")])).await, @r#"
    [1] `outer==1.0` has no hash of sha256, and every requirement must have one here
    hint: `uv pip compile --generate-hashes` writes them
    "#);
    assert_snapshot!(bench.refused(&of(vec![outer, with("inner==2.0", &[Digest::of("other")])])).await, @r#"
    no file of `inner 2.0` has one of its hashes
    hint: the hashes are those of other files, or somebody has replaced a file of the index
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_of_pytorch_is_named_to_uv() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[])]);
    // A uv that says how it was called.
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("uv");
    fs::write(&program, "#!/bin/sh\necho \"$@\" >&2\nexit 2\n").unwrap();
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let uv = Uv::new(program);
    let metadata = WheelReader { client: &bench.client, archives: &bench, store: &bench.store };
    let locking = Locking { uv: &uv, settings: &bench.settings, metadata, provided: &bench, builder: &bench };
    let pytorch = PytorchIndex { backend: Some("cu126".to_owned()), gives_way: false };
    let request = Request { pytorch, prereleases: true, ..bench.request(&["inner"]) };
    let called = message(&locking.lock(&request).await.unwrap_err());
    let (start, _) = called.split_once(" --constraints").unwrap();
    assert_snapshot!(start, @r#"
    `uv` failed while it chose Python packages:
    pip compile --quiet --no-header --no-annotate --color never --format pylock.toml --python-version 3.11.9 --python-platform x86_64-manylinux_2_36 --only-binary :all: --torch-backend cu126 --prerelease allow
    "#);
}
