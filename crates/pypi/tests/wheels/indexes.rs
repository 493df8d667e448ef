//! Indexes as they are: with little, with faults, and with passwords.

use std::fs;

use imgbuild_oci::{Digest, Platform};
use imgbuild_pypi::{Environment, Request, Target, Variables, WheelReader};
use insta::assert_snapshot;

use crate::bench::{Bench, GOOD, wheel};
use crate::index::Behaviour;
use crate::locking::TARGET;
use crate::support::message;

#[tokio::test(flavor = "multi_thread")]
async fn an_index_may_have_little() {
    for behaviour in [
        GOOD,
        Behaviour { json: false, ..GOOD },
        Behaviour { metadata: false, ..GOOD },
        Behaviour { json: false, metadata: false, ranges: false, ..GOOD },
    ] {
        let bench = Bench::new(behaviour);
        bench.add(&[wheel("outer", "1.0", &["inner>=1", "other; sys_platform == 'win32'"])]);
        bench.add(&[wheel("inner", "1.0", &[]), wheel("inner", "2.0", &[])]);
        let request = bench.request(&["outer"]);
        assert_eq!(bench.locked(&request).await, "inner 2.0\nouter* 1.0", "{behaviour:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_that_are_no_good_are_named() {
    let refused = async |behaviour: Behaviour| {
        let bench = Bench::new(behaviour);
        bench.add(&[wheel("inner", "2.0", &[])]);
        bench.refused(&bench.request(&["inner"])).await
    };
    assert_snapshot!(refused(Behaviour { password: true, ..GOOD }).await, @r#"
    [0] no set of wheels satisfies all requirements for Python 3.11 on linux/amd64 with glibc 2.36:
    No solution found when resolving dependencies
      cause: Because inner was not found in the package registry and you require inner, we can conclude that your requirements are unsatisfiable.
    hint: An index URL (http://INDEX/simple/) could not be queried due to a lack of valid authentication credentials (401 Unauthorized)
    "#);
    assert_snapshot!(refused(Behaviour { page: Some(("404 Not Found", "")), ..GOOD }).await, @"[0] `inner` cannot be had: no index has a package of that name");
    assert_snapshot!(refused(Behaviour { page: Some(("200 OK", "\u{1}garbage")), ..GOOD }).await, @"[0] `inner` cannot be had: no index has a package of that name");
    assert_snapshot!(refused(Behaviour { page: Some(("500 Internal Server Error", "")), ..GOOD }).await, @r#"
    `uv` failed while it chose Python packages:
    error: Failed to fetch: http://INDEX/simple/inner/
      cause: HTTP status server error (500 Internal Server Error) for url (http://INDEX/simple/inner/)
    "#);
    assert_snapshot!(refused(Behaviour { file: Some("403 Forbidden"), ..GOOD }).await, @r#"
    `uv` failed while it chose Python packages:
    error: Failed to fetch: http://INDEX/files/inner-2.0-py3-none-any.whl.metadata
      cause: HTTP status client error (403 Forbidden) for url (http://INDEX/files/inner-2.0-py3-none-any.whl.metadata)
    "#);
    let wrong = Bench::with(Behaviour { password: true, ..GOOD }, "user:not-it@", &Variables::new());
    wrong.add(&[wheel("inner", "2.0", &[])]);
    assert_snapshot!(wrong.refused(&wrong.request(&["inner"])).await, @r#"
    [0] no set of wheels satisfies all requirements for Python 3.11 on linux/amd64 with glibc 2.36:
    No solution found when resolving dependencies
      cause: Because inner was not found in the package registry and you require inner, we can conclude that your requirements are unsatisfiable.
    hint: An index URL (http://INDEX/simple/) could not be queried due to a lack of valid authentication credentials (401 Unauthorized)
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_come_from_everywhere_and_go_nowhere() {
    let password = Behaviour { password: true, ..GOOD };
    let netrc = tempfile::NamedTempFile::new().unwrap();
    fs::write(netrc.path(), "machine 127.0.0.1 login user password secret\n").unwrap();
    let of = |pairs: &[(&str, &str)]| -> Variables {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    for (credentials, variables) in [
        ("user:secret@", of(&[])),
        ("${USER_NAME}:${TOKEN}@", of(&[("USER_NAME", "user"), ("TOKEN", "secret")])),
        ("", of(&[("UV_DEFAULT_INDEX", "http://user:secret@ADDRESS/simple/")])),
        (
            "",
            of(&[
                ("UV_DEFAULT_INDEX", "mine=http://ADDRESS/simple/"),
                ("UV_INDEX_MINE_USERNAME", "user"),
                ("UV_INDEX_MINE_PASSWORD", "secret"),
            ]),
        ),
        ("", of(&[("PIP_INDEX_URL", "http://user:secret@ADDRESS/simple/")])),
    ] {
        let bench = Bench::with(password, credentials, &variables);
        bench.add(&[wheel("inner", "2.0", &[])]);
        let locked = bench.lock(&bench.request(&["inner"])).await;
        let locked = locked.unwrap_or_else(|error| panic!("{variables:?}: {}", message(&error)));
        assert!(!format!("{locked:?}").contains("secret"));
    }
    let bench = Bench::with(password, "", &of(&[("NETRC", &netrc.path().display().to_string())]));
    bench.add(&[wheel("inner", "2.0", &[])]);
    // uv itself reads the variable of its own process; here the metadata alone is read.
    let url = format!("http://{}/files/inner-2.0-py3-none-any.whl", bench.index.address).parse().unwrap();
    let bytes = bench.client.get_bytes(&url, 1 << 20).await.unwrap();
    let filename = "inner-2.0-py3-none-any.whl".parse().unwrap();
    let reader = WheelReader { client: &bench.client, archives: &bench, store: &bench.store };
    reader.wheel(&filename, &url, Some(Digest::of(&bytes)), None).await.unwrap();
}

/// Against the index that this machine is set up for.
#[tokio::test(flavor = "multi_thread")]
async fn real_packages_are_locked_for_both_platforms() {
    let bench = Bench::ordinary();
    for platform in [Platform::LinuxAmd64, Platform::LinuxArm64] {
        let environment = Environment::new(Target { platform, ..TARGET }, "3.11.9").unwrap();
        let request = Request { environment, ..bench.request(&["numpy==1.26.4", "requests[socks]==2.31.0"]) };
        let locked = bench.lock(&request).await.unwrap_or_else(|error| panic!("{}", message(&error)));
        let find = |name: &str| locked.wheels.iter().find(|it| it.package.name == name).unwrap();
        let numpy = &find("numpy").package;
        let machine = if platform == Platform::LinuxAmd64 { "x86_64" } else { "aarch64" };
        assert_eq!(
            numpy.filename,
            format!("numpy-1.26.4-cp311-cp311-manylinux_2_17_{machine}.manylinux2014_{machine}.whl")
        );
        assert_eq!(numpy.facts.entry_points, ["f2py = numpy.f2py.f2py2e:main"]);
        assert_eq!(find("pysocks").package.url, None);
        // By parts: no archive was fetched.
        assert_eq!(*bench.fetched.lock().unwrap(), Vec::<String>::new());
    }
}
