//! What a bad `[base]` gets: each whole message.

use insta::assert_snapshot;

use crate::tests::message;

#[test]
fn components_and_sources() {
    let base = |keys: &str| message(&format!("name = \"a\"\n[base]\n{keys}\n"));
    assert_snapshot!(base("components = []"), @"
     × `base.components` must not be empty
      ╭─[spec.toml:3:14]
    2 │ [base]
    3 │ components = []
      ·              ─┬
      ·               ╰── here
      ╰────
     help: remove the key for its default
    ");
    assert_snapshot!(base("components = [\"non free\"]"), @r#"
     × `non free` is not the name of a component
      ╭─[spec.toml:3:15]
    2 │ [base]
    3 │ components = ["non free"]
      ·               ─────┬────
      ·                    ╰── here
      ╰────
     help: Debian's are `main`, `contrib`, `non-free` and `non-free-firmware`
    "#);
    assert_snapshot!(base("sources.debian = { url = \"https://a.example\", suite = \"x\" }"), @r#"
     × `debian` is the name of Debian's own archive, and no further source can have it
      ╭─[spec.toml:3:9]
    2 │ [base]
    3 │ sources.debian = { url = "https://a.example", suite = "x" }
      ·         ───┬──
      ·            ╰── here
      ╰────
     help: give it another name; the mirror of Debian's own is `[base] mirror`
    "#);
    assert_snapshot!(base("sources.tools = { url = \"https://a.example\" }"), @r#"
     × the key `base.sources.tools.suite` is missing
      ╭─[spec.toml:3:17]
    2 │ [base]
    3 │ sources.tools = { url = "https://a.example" }
      ·                 ──────────────┬──────────────
      ·                               ╰── here
      ╰────
    "#);
    assert_snapshot!(base("sources.tools = { url = \"a.example\", suite = \"x\" }"), @r#"
     × `a.example` is not the URL of a mirror: relative URL without a base
      ╭─[spec.toml:3:25]
    2 │ [base]
    3 │ sources.tools = { url = "a.example", suite = "x" }
      ·                         ─────┬─────
      ·                              ╰── here
      ╰────
     help: write it like `https://mirror.example/conda-forge`
    "#);
    assert_snapshot!(base("sources.tools = { url = \"https://a.example\", suite = \"./\", components = [\"main\"] }"), @r#"
     × `base.sources.tools.suite` and `base.sources.tools.components` exclude each other
      ╭─[spec.toml:3:73]
    2 │ [base]
    3 │ sources.tools = { url = "https://a.example", suite = "./", components = ["main"] }
      ·                                                                         ────┬───
      ·                                                                             ╰── only suites below `dists` have components
      ╰────
     help: a suite that ends with a slash is a flat repository, which has no components: remove one
           of the two
    "#);
    assert_snapshot!(base("scratch = true\nsources.tools = { url = \"https://a.example\", suite = \"x\" }"), @r#"
     × `base.scratch` and `base.sources.tools` exclude each other
      ╭─[spec.toml:3:11]
    2 │ [base]
    3 │ scratch = true
      ·           ──┬─
      ·             ╰── an empty base
    4 │ sources.tools = { url = "https://a.example", suite = "x" }
      ·                 ─────────────────────┬────────────────────
      ·                                      ╰── only Debian has this
      ╰────
    "#);
}

#[test]
fn two_sources_of_one_name() {
    let source = "[base.sources.tools]\nurl = \"https://a.example\"\nsuite = \"x\"\n";
    assert_snapshot!(message(&format!("name = \"a\"\n{source}{source}")), @r#"
     × this is not valid TOML: duplicate key
      ╭─[spec.toml:5:15]
    4 │ suite = "x"
    5 │ [base.sources.tools]
      ·               ──┬──
      ·                 ╰── here
    6 │ url = "https://a.example"
      ╰────
    "#);
}

#[test]
fn what_is_left_out() {
    let base = |keys: &str| message(&format!("name = \"a\"\n[base]\n{keys}\n"));
    assert_snapshot!(base("profile = \"tiny\""), @r#"
     × `base.profile` cannot be `tiny`
      ╭─[spec.toml:3:11]
    2 │ [base]
    3 │ profile = "tiny"
      ·           ───┬──
      ·              ╰── here
      ╰────
     help: it can be `slim`, `full`
    "#);
    assert_snapshot!(base("exclude = [\"docs\"]"), @r#"
     × `docs` is nothing that can be left out
      ╭─[spec.toml:3:12]
    2 │ [base]
    3 │ exclude = ["docs"]
      ·            ───┬──
      ·               ╰── here
      ╰────
     help: it can be `documentation`, `locales`, or a glob like `/usr/share/icons/*`
    "#);
    assert_snapshot!(base("include = [\"usr/share/**\"]"), @r#"
     × `usr/share/**` is not a glob over absolute paths
      ╭─[spec.toml:3:12]
    2 │ [base]
    3 │ include = ["usr/share/**"]
      ·            ───────┬──────
      ·                   ╰── here
      ╰────
     help: write it like `/usr/share/icons/*`: `*` stands for slashes as well, and `?` and `[a-z]`
           for one character
    "#);
}

#[test]
fn pins() {
    let base = |keys: &str| message(&format!("name = \"a\"\n[base]\n{keys}\n"));
    assert_snapshot!(base("pin.git = \"~1:2.39\""), @r#"
     × `~1:2.39` is not a Debian version
      ╭─[spec.toml:3:11]
    2 │ [base]
    3 │ pin.git = "~1:2.39"
      ·           ────┬────
      ·               ╰── here
      ╰────
     help: write it whole, like `1:2.39.5-0+deb12u2`, or how it begins and then `*`, like `1:2.39.*`
    "#);
    assert_snapshot!(base("pin.git = { version = \"1:2.*.1\" }"), @r#"
     × `1:2.*.1` is not a Debian version
      ╭─[spec.toml:3:23]
    2 │ [base]
    3 │ pin.git = { version = "1:2.*.1" }
      ·                       ────┬────
      ·                           ╰── here
      ╰────
     help: write it whole, like `1:2.39.5-0+deb12u2`, or how it begins and then `*`, like `1:2.39.*`
    "#);
    assert_snapshot!(base("pin.git = {}"), @r#"
     × `base.pin.git` must not be empty
      ╭─[spec.toml:3:11]
    2 │ [base]
    3 │ pin.git = {}
      ·           ─┬
      ·            ╰── here
      ╰────
     help: say which version, or which source, for example `{ version = "1:2.39.*" }`
    "#);
    assert_snapshot!(base("pin.git = { from = \"debian\" }"), @r#"
     × unknown key `base.pin.git.from`
      ╭─[spec.toml:3:13]
    2 │ [base]
    3 │ pin.git = { from = "debian" }
      ·             ──┬─
      ·               ╰── here
      ╰────
     help: known here: `version`, `source`
    "#);
    assert_snapshot!(base("pin.Git = \"1\""), @r#"
     × `Git` is not the name of a Debian package
      ╭─[spec.toml:3:5]
    2 │ [base]
    3 │ pin.Git = "1"
      ·     ─┬─
      ·      ╰── here
      ╰────
     help: write the name alone, in lower-case letters, digits, `+`, `-` and `.`
    "#);
    assert_snapshot!(base("pin.git = { source = \"backport\" }\nsources.backports = { url = \"https://a.example\", suite = \"x\" }"), @r#"
     × `base.pin.git.source` cannot be `backport`
      ╭─[spec.toml:3:22]
    2 │ [base]
    3 │ pin.git = { source = "backport" }
      ·                      ─────┬────
      ·                           ╰── no source is called so
    4 │ sources.backports = { url = "https://a.example", suite = "x" }
      ╰────
     help: did you mean `backports`? It can be `debian`, `debian-security`, `backports`
    "#);
    assert_snapshot!(base("layout = \"base.tar\"\npin.git = \"1\""), @r#"
     × `base.layout` and `base.pin.git` exclude each other
      ╭─[spec.toml:3:10]
    2 │ [base]
    3 │ layout = "base.tar"
      ·          ─────┬────
      ·               ╰── an existing image
    4 │ pin.git = "1"
      ·           ─┬─
      ·            ╰── only Debian packages have this
      ╰────
    "#);
}

#[test]
fn snapshots() {
    let base = |keys: &str| message(&format!("name = \"a\"\n[base]\n{keys}\n"));
    assert_snapshot!(base("snapshot = { time = \"20240501T000000Z\" }"), @r#"
     × the key `base.snapshot.mirror` is missing
      ╭─[spec.toml:3:12]
    2 │ [base]
    3 │ snapshot = { time = "20240501T000000Z" }
      ·            ──────────────┬──────────────
      ·                          ╰── here
      ╰────
     help: no mirror is built in: write where one keeps old archives, like `mirror = "https://
           snapshot.example/archive/{archive}/{time}"`
    "#);
    assert_snapshot!(base("snapshot = { time = \"2024-05-01\", mirror = \"https://s.example/{archive}/{time}\" }"), @r#"
     × `2024-05-01` is not the time of a snapshot
      ╭─[spec.toml:3:21]
    2 │ [base]
    3 │ snapshot = { time = "2024-05-01", mirror = "https://s.example/{archive}/{time}" }
      ·                     ──────┬─────
      ·                           ╰── here
      ╰────
     help: write it like `20240501T000000Z`, in UTC
    "#);
    assert_snapshot!(base("snapshot = { time = \"20240501T000000Z\", mirror = \"https://s.example/{archive}\" }"), @r#"
     × `https://s.example/{archive}` lacks `{time}`
      ╭─[spec.toml:3:50]
    2 │ [base]
    3 │ snapshot = { time = "20240501T000000Z", mirror = "https://s.example/{archive}" }
      ·                                                  ──────────────┬──────────────
      ·                                                                ╰── here
      ╰────
     help: write it like `https://snapshot.example/archive/{archive}/{time}`
    "#);
    assert_snapshot!(base("snapshot = { time = \"20240501T000000Z\", mirror = \"https://s.example/{suite}/{time}\" }"), @r#"
     × the template `{suite}` has no key in `[matrix]`
      ╭─[spec.toml:3:69]
    2 │ [base]
    3 │ snapshot = { time = "20240501T000000Z", mirror = "https://s.example/{suite}/{time}" }
      ·                                                                     ───┬───
      ·                                                                        ╰── no such key
      ╰────
     help: add `suite = ["…"]` to `[matrix]`; for the braces themselves, write `{{suite}}`
    "#);
    assert_snapshot!(base("mirror = \"https://s.example/{archive}\""), @r#"
     × the template `{archive}` has no key in `[matrix]`
      ╭─[spec.toml:3:29]
    2 │ [base]
    3 │ mirror = "https://s.example/{archive}"
      ·                             ────┬────
      ·                                 ╰── no such key
      ╰────
     help: add `archive = ["…"]` to `[matrix]`; for the braces themselves, write `{{archive}}`
    "#);
}

#[test]
fn an_image_of_a_registry() {
    let base = |keys: &str| message(&format!("name = \"a\"\n[base]\n{keys}\n"));
    assert_snapshot!(base("image = \"registry.example/Team/base:1\""), @r#"
     × `Team/base` is not a valid image name: each part between slashes is lower-case letters and
     │ digits, parted by one `.`, one or two `_`, or any number of `-`
      ╭─[spec.toml:3:9]
    2 │ [base]
    3 │ image = "registry.example/Team/base:1"
      ·         ───────────────┬──────────────
      ·                        ╰── here
      ╰────
     help: write it like `registry.example/team/base:1`
    "#);
    assert_snapshot!(base("image = \"docker://debian:13\""), @r#"
     × `docker://debian:13` is the URL of something, and no image
      ╭─[spec.toml:3:9]
    2 │ [base]
    3 │ image = "docker://debian:13"
      ·         ──────────┬─────────
      ·                   ╰── here
      ╰────
     help: leave out `docker://`
    "#);
    assert_snapshot!(base("image = \"debian:13@sha256:12\""), @r#"
     × `debian:13@sha256:12` is not a valid reference of an image: what follows `@` is `sha256:` and
     │ 64 digits
      ╭─[spec.toml:3:9]
    2 │ [base]
    3 │ image = "debian:13@sha256:12"
      ·         ──────────┬──────────
      ·                   ╰── here
      ╰────
     help: write it like `registry.example/team/base:1`
    "#);
    assert_snapshot!(base("image = \"registry.example:99999/a\""), @r#"
     × `registry.example:99999` is not a valid host of a registry: the port is a number from 1 to
     │ 65535
      ╭─[spec.toml:3:9]
    2 │ [base]
    3 │ image = "registry.example:99999/a"
      ·         ─────────────┬────────────
      ·                      ╰── here
      ╰────
     help: write it like `registry.example/team/base:1`
    "#);
    assert_snapshot!(base("image = \"\""), @r#"
     × `` is not a valid image name: it is empty
      ╭─[spec.toml:3:9]
    2 │ [base]
    3 │ image = ""
      ·         ─┬
      ·          ╰── here
      ╰────
     help: write it like `registry.example/team/base:1`
    "#);
    assert_snapshot!(base("image = \"debian:13\"\nlayout = \"base.tar\""), @r#"
     × `base.image` and `base.layout` exclude each other
      ╭─[spec.toml:3:9]
    2 │ [base]
    3 │ image = "debian:13"
      ·         ─────┬─────
      ·              ╰── an image of a registry
    4 │ layout = "base.tar"
      ·          ─────┬────
      ·               ╰── an image in a file
      ╰────
    "#);
    assert_snapshot!(base("image = \"debian:13\"\ndebian = \"trixie\""), @r#"
     × `base.image` and `base.debian` exclude each other
      ╭─[spec.toml:3:9]
    2 │ [base]
    3 │ image = "debian:13"
      ·         ─────┬─────
      ·              ╰── an image of a registry
    4 │ debian = "trixie"
      ·          ────┬───
      ·              ╰── only Debian packages have this
      ╰────
    "#);
    assert_snapshot!(base("image = \"debian:13\"\npackages = [\"git\"]"), @r#"
     × `base.image` and `base.packages` exclude each other
      ╭─[spec.toml:3:9]
    2 │ [base]
    3 │ image = "debian:13"
      ·         ─────┬─────
      ·              ╰── an image of a registry
    4 │ packages = ["git"]
      ·            ───┬───
      ·               ╰── only Debian packages have this
      ╰────
    "#);
    assert_snapshot!(base("image = \"debian:13\"\nscratch = true"), @r#"
     × `base.scratch` and `base.image` exclude each other
      ╭─[spec.toml:3:9]
    2 │ [base]
    3 │ image = "debian:13"
      ·         ─────┬─────
      ·              ╰── an existing image
    4 │ scratch = true
      ·           ──┬─
      ·             ╰── an empty base
      ╰────
    "#);
    let python = "name = \"a\"\npython = { version = \"3.13\", from = \"debian\" }\nbase = { image = \"debian:13\" }\n";
    assert_snapshot!(message(python), @r#"
     × `base.image` and `python.from` exclude each other
      ╭─[spec.toml:2:10]
    1 │ name = "a"
    2 │ python = { version = "3.13", from = "debian" }
      ·          ──────────────────┬──────────────────
      ·                            ╰── a Debian package
    3 │ base = { image = "debian:13" }
      ·                  ─────┬─────
      ·                       ╰── an existing image
      ╰────
     help: leave `from` out for the Python that the image has; or take one from conda: `from =
           "conda"`
    "#);
    let python = "name = \"a\"\npython = { version = \"3.13\", from = \"base\" }\n";
    assert_snapshot!(message(python), @r#"
     × `from = "base"` is the Python of an existing image, and the base is Debian
      ╭─[spec.toml:2:10]
    1 │ name = "a"
    2 │ python = { version = "3.13", from = "base" }
      ·          ─────────────────┬─────────────────
      ·                           ╰── the Python of an existing image
      ╰────
     help: take Debian's, `python = { version = "3.13", from = "debian" }`, or conda's: `python =
           "3.11"`
    "#);
}

#[test]
fn what_is_verified_is_an_image_of_a_registry() {
    let base = |keys: &str| message(&format!("name = \"a\"\n[base]\n{keys}\n"));
    assert_snapshot!(base("verify = \"key.pub\""), @r#"
     × the key `base.image` is missing
      ╭─[spec.toml:3:10]
    2 │ [base]
    3 │ verify = "key.pub"
      ·          ────┬────
      ·              ╰── who must have signed an image of a registry
      ╰────
     help: Debian's own packages are signed, with `keyring` by others; an image in a file is in the
           lock by its digest
    "#);
    assert_snapshot!(base("debian = \"trixie\"\nverify = \"key.pub\""), @r#"
     × the key `base.image` is missing
      ╭─[spec.toml:4:10]
    3 │ debian = "trixie"
    4 │ verify = "key.pub"
      ·          ────┬────
      ·              ╰── who must have signed an image of a registry
      ╰────
     help: Debian's own packages are signed, with `keyring` by others; an image in a file is in the
           lock by its digest
    "#);
}
