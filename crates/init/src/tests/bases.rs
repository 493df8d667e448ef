//! Dockerfiles that begin with an image of which nothing is known.

use insta::assert_snapshot;

use super::dockerfiles::{left_out, spec};

#[test]
fn an_image_of_a_registry_is_the_base() {
    let dockerfile = "FROM registry.example:5000/team/base:1.2\nRUN pip install requests\nCMD [\"python\", \"-m\", \"app\"]\n";
    assert_snapshot!(spec(dockerfile), @r#"
    name = "app"

    [base]
    image = "registry.example:5000/team/base:1.2"  # line 1

    [pip]
    packages = [
        "requests",  # line 2
    ]

    [image]
    cmd = ["python", "-m", "app"]  # line 3
    "#);
    assert_snapshot!(left_out(dockerfile), @"");
    let alone = "FROM registry.example/team/base@sha256:1111111111111111111111111111111111111111111111111111111111111111\nENV A=1\n";
    assert_snapshot!(spec(alone), @r#"
    name = "app"

    [base]
    image = "registry.example/team/base@sha256:1111111111111111111111111111111111111111111111111111111111111111"  # line 1

    [image.env]
    A = "1"  # line 2
    "#);
    assert_snapshot!(left_out(alone), @"");
}

#[test]
fn debian_packages_need_debian() {
    let dockerfile = "FROM registry.example/team/base:1\nRUN apt-get update && apt-get install -y git\n";
    assert_snapshot!(spec(dockerfile), @r#"
    name = "app"

    [base]
    packages = [
        "git",  # line 2
    ]
    "#);
    assert_snapshot!(left_out(dockerfile), @r#"
    line 1: FROM registry.example/team/base:1: `[base]` has either an image or Debian packages, and line 2 installs some: so the image stands on Debian; to build on it, write `image = "registry.example/team/base:1"` instead of `packages`
    line 1: no `USER`: the image runs as the user 1000, who can write in its home alone: `user = "root"` in `[image]` says another one, and so does `[user]`
    "#);
}

#[test]
fn only_what_the_image_itself_begins_with_counts() {
    let dockerfile =
        "FROM registry.example/tools:1 AS tools\nRUN make\nFROM debian:12\nCOPY --from=tools /a /a\n";
    assert_snapshot!(spec(dockerfile), @r#"
    name = "app"

    [base]
    debian = "bookworm"  # from its `FROM`
    "#);
    let known = "FROM registry.example/mirror/continuumio/miniconda3\nRUN conda install numpy\n";
    assert_snapshot!(spec(known), @r#"
    name = "app"

    [conda]
    packages = [
        "numpy",  # line 2
    ]
    "#);
}
