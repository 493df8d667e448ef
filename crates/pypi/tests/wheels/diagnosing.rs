//! What is said of single requirements that no index can meet.

use imgbuild_pypi::Request;
use insta::assert_snapshot;

use crate::bench::{Bench, GOOD, wheel};
use crate::index::Behaviour;

/// Versions of one project: each is something else than what is wanted.
const PAGE: &str = r#"<!DOCTYPE html><html><body>
<a href="/files/x-1.0-cp310-cp310-manylinux_2_17_x86_64.whl">x-1.0-cp310-cp310-manylinux_2_17_x86_64.whl</a>
<a href="/files/x-1.0.tar.gz">x-1.0.tar.gz</a>
<a href="/files/x-2.0-py3-none-any.whl">x-2.0-py3-none-any.whl</a>
<a href="/files/x-3.0-py3-none-any.whl" data-yanked="it deletes &lt;files&gt;">x-3.0-py3-none-any.whl</a>
<a href="/files/x-4.0-py3-none-any.whl" data-requires-python="&gt;=3.13">x-4.0-py3-none-any.whl</a>
<a href="/files/x-5.0-cp311-cp311-manylinux_2_39_x86_64.whl">x-5.0-cp311-cp311-manylinux_2_39_x86_64.whl</a>
<a href="/files/x-6.0-cp311-cp311-musllinux_1_2_x86_64.whl">x-6.0-cp311-cp311-musllinux_1_2_x86_64.whl</a>
</body></html>"#;

/// What a line gets from an index whose pages are all alike.
async fn told(line: &str, constraints: &[&str]) -> String {
    let bench = Bench::new(Behaviour { page: Some(("200 OK", PAGE)), ..GOOD });
    let constraints = constraints.iter().map(|&line| imgbuild_secret::SecretText::new(line)).collect();
    bench.refused(&Request { constraints, ..bench.request(&[line]) }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_cause_has_its_message() {
    assert_snapshot!(told("x==1.0", &[]).await, @r#"
    [0] no wheel of `x 1.0` fits Python 3.11 on linux/amd64 with glibc 2.36: its wheels are for Python 3.10 alone
        there is `cp310-cp310-manylinux_2_17_x86_64`
      wanted is one of `cp311-cp311-manylinux_2_36_x86_64`, `cp311-abi3-manylinux_2_36_x86_64`, `py3-none-any`
    hint: `x==2.0` has a wheel that fits; `allow-builds = ["x"]` in `[pip]` lets imgbuild build it, in the sandbox
    "#);
    assert_snapshot!(told("x==2.5", &[]).await, @"[0] `x==2.5` cannot be had: the index has no such version; the nearest is `2.0`");
    assert_snapshot!(told("x>=7", &[]).await, @"[0] `x>=7` cannot be had: the index has no such version; the newest is `2.0`");
    assert_snapshot!(told("x>2,<4", &[]).await, @"[0] `x>2, <4` cannot be had: its versions were taken back (yanked): it deletes <files>");
    assert_snapshot!(told("x==4.0", &[]).await, @r#"
    [0] `x==4.0` cannot be had: `x 4.0` is for Python >=3.13, and the image has 3.11.9
    hint: `x==2.0` has a wheel that fits
    "#);
    assert_snapshot!(told("x==5.0", &[]).await, @r#"
    [0] no wheel of `x 5.0` fits Python 3.11 on linux/amd64 with glibc 2.36: its wheels need glibc 2.39, and the image has 2.36
        there is `cp311-cp311-manylinux_2_39_x86_64`
      wanted is one of `cp311-cp311-manylinux_2_36_x86_64`, `cp311-abi3-manylinux_2_36_x86_64`, `py3-none-any`
    hint: `base = "trixie"` has glibc 2.41
    "#);
    assert_snapshot!(told("x==6.0", &[]).await, @r#"
    [0] no wheel of `x 6.0` fits Python 3.11 on linux/amd64 with glibc 2.36: its wheels are for Linux with musl, and the image has glibc
        there is `cp311-cp311-musllinux_1_2_x86_64`
      wanted is one of `cp311-cp311-manylinux_2_36_x86_64`, `cp311-abi3-manylinux_2_36_x86_64`, `py3-none-any`
    hint: `x==2.0` has a wheel that fits
    "#);
    assert_snapshot!(told("x==2.0+cpu", &[]).await, @r#"
    [0] `x==2.0+cpu` cannot be had: the index has no such version; the nearest is `2.0`
    hint: versions with `+cpu` are on an index of their own: name it in `index-url` or `extra-index-urls` of `[pip]`
    "#);
    assert_snapshot!(told("x", &["x<2"]).await, @r#"
    [0] no wheel of `x 1.0` fits Python 3.11 on linux/amd64 with glibc 2.36: its wheels are for Python 3.10 alone; the constraint `x<2` leaves out 2.0, which fits
        there is `cp310-cp310-manylinux_2_17_x86_64`
      wanted is one of `cp311-cp311-manylinux_2_36_x86_64`, `cp311-abi3-manylinux_2_36_x86_64`, `py3-none-any`
    hint: `allow-builds = ["x"]` in `[pip]` lets imgbuild build it, in the sandbox
    "#);
    assert_snapshot!(told("x==2.0", &["x<2"]).await, @"[0] `x==2.0` cannot be had: the constraint `x<2` leaves out every version of it that is asked for");
    assert_snapshot!(told("x", &["x==4.0"]).await, @"[0] `x` cannot be had: `x 4.0` is for Python >=3.13, and the image has 3.11.9; the constraint `x==4.0` leaves out 2.0, which fits");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_no_index_has_are_told_with_those_they_may_be() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[])]);
    assert_snapshot!(bench.refused(&bench.request(&["inner", "nunpy", "cv2", "our-own"])).await, @r#"
    [1] 3 packages cannot be had for Python 3.11 on linux/amd64 with glibc 2.36:
      `nunpy`: no index has a package of that name
      `cv2`: no index has a package of that name
      `our-own`: no index has a package of that name
    hint: did you mean `numpy`?; did you mean `opencv-python-headless`?
    "#);
}
