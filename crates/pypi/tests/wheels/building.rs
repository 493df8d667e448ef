//! What is no wheel, and is built where that is allowed.

use std::fs;

use imgbuild_pypi::{ProjectSource, Request, Requirement};
use imgbuild_spec::AllowBuilds;
use insta::assert_snapshot;

use crate::bench::{Bench, GOOD, wheel};

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_built_where_that_is_allowed() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[]), wheel("needs", "1.0", &["docopt>=0.6"])]);
    fs::write(bench.wheels.join("docopt-0.6.2.tar.gz"), "no archive").unwrap();
    fs::write(bench.wheels.join("broken-1.0.tar.gz"), "no archive").unwrap();
    let refused = bench.request(&["inner", "needs"]);
    assert_snapshot!(bench.refused(&refused).await, @r#"
    [1] no wheel of `docopt 0.6.2` fits Python 3.11 on linux/amd64 with glibc 2.36: it has a source distribution alone; `needs` requires it
    hint: `allow-builds = ["docopt"]` in `[pip]` lets imgbuild build it, in the sandbox
    "#);
    let names = |names: &[&str]| AllowBuilds::Named(names.iter().map(|name| name.parse().unwrap()).collect());
    let other = Request { allow_builds: names(&["other"]), ..bench.request(&["docopt"]) };
    assert_snapshot!(bench.refused(&other).await, @r#"
    [0] no wheel of `docopt 0.6.2` fits Python 3.11 on linux/amd64 with glibc 2.36: it has a source distribution alone
    hint: `allow-builds = ["docopt"]` in `[pip]` lets imgbuild build it, in the sandbox
    "#);
    assert_eq!(bench.built.lock().unwrap().len(), 0);
    let allowed = Request { allow_builds: names(&["docopt"]), ..refused };
    assert_snapshot!(bench.locked(&allowed).await, @r#"
    docopt 0.6.2 built
    inner* 1.0
    needs* 1.0
    "#);
    assert_snapshot!(bench.plain(&bench.built.lock().unwrap().join("\n")), @"the source distribution `docopt-0.6.2.tar.gz`");
    let broken = Request { allow_builds: AllowBuilds::All, ..bench.request(&["inner", "broken"]) };
    assert_snapshot!(bench.refused(&broken).await, @"[1] the source distribution `broken-1.0.tar.gz` cannot be built: the build says: no");
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_and_repositories_are_built() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[])]);
    let folder = |name: Option<&str>| ProjectSource::Folder {
        name: name.map(str::to_owned),
        path: bench.spec.join("project"),
        given: "./project".to_owned(),
        editable: true,
    };
    let git = ProjectSource::Git {
        name: Some("project".to_owned()),
        url: "https://user:pw@git.example/project".parse().unwrap(),
        revision: Some("main".to_owned()),
        subdirectory: None,
    };
    let of = |text: &str, source: ProjectSource| Request {
        requirements: vec![Requirement::of(text, source)],
        ..bench.request(&[])
    };
    let unnamed = of("./project", folder(None));
    assert_snapshot!(bench.refused(&unnamed).await, @r#"
    [0] the folder `./project` is no wheel, and may not be built
    hint: `allow-builds = true` in `[pip]` lets imgbuild build it, in the sandbox; so does its name, where the requirement says that: `name @ …`
    "#);
    let named = of("project @ git+https://user:pw@git.example/project@main", git);
    assert_snapshot!(bench.refused(&named).await, @r#"
    [0] the git repository `https://git.example/project` is no wheel, and may not be built
    hint: `allow-builds = ["project"]` in `[pip]` lets imgbuild build it, in the sandbox
    "#);
    let allowed = Request { allow_builds: AllowBuilds::All, ..named };
    assert_snapshot!(bench.locked(&allowed).await, @r#"
    inner 1.0
    project* 7.0 built
    "#);
    let allowed = Request { allow_builds: AllowBuilds::All, ..unnamed };
    assert_snapshot!(bench.locked(&allowed).await, @r#"
    inner 1.0
    unnamed* 7.0 built
    "#);
    // A project says its name itself.
    fs::create_dir(bench.spec.join("project")).unwrap();
    fs::write(bench.spec.join("project/pyproject.toml"), "[project]\nname = 'My_Project'\n").unwrap();
    let stated = of("./project", folder(None));
    assert_snapshot!(bench.refused(&stated).await, @r#"
    [0] the folder `./project` is no wheel, and may not be built
    hint: `allow-builds = ["my-project"]` in `[pip]` lets imgbuild build it, in the sandbox
    "#);
    let names = AllowBuilds::Named(vec!["my-project".parse().unwrap()]);
    assert_snapshot!(bench.locked(&Request { allow_builds: names, ..stated }).await, @r#"
    inner 1.0
    my-project* 7.0 built
    "#);
    // A requirement whose condition does not hold is not built.
    let mut elsewhere = of("./project", folder(None));
    elsewhere.requirements[0].marker = Some("sys_platform == 'win32'".parse().unwrap());
    elsewhere.requirements.push(Requirement::new("inner"));
    assert_eq!(bench.locked(&elsewhere).await, "inner* 1.0");
}
