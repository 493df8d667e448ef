//! What bad values get: each whole message.

use insta::assert_snapshot;

use crate::tests::{message, message_of, variants};

#[test]
fn a_missing_spec() {
    assert_snapshot!(message_of(&[]), @"  × cannot read `spec.toml`: there is no such file");
}

#[test]
fn a_line_that_is_too_long_to_be_drawn() {
    let long = "x".repeat(70_000);
    let said = message(&format!("name = \"a\"\nlayers = {{ zeros = \"{long}\", budget = true }}\n"));
    assert!(said.contains("`layers.budget` must be a whole number, but is a boolean"), "{said}");
    assert!(said.contains("help: it is in line 2, column 70033 of `spec.toml`, which is too long"), "{said}");
    assert!(said.len() < 2_000, "{said}");
    let near = message(&format!("name = \"{long}\"\npythn = \"3.11\"\n"));
    assert!(near.contains("did you mean `python`?; it is in line 2, column 1 of `spec.toml`"), "{near}");
}

/// No message speaks of Rust's types.
#[test]
fn a_number_is_called_so() {
    for (key, text) in [
        ("check[0].timeout", "[[check]]\nrun = [\"true\"]\ntimeout = \"10 s\"\n"),
        ("layers.budget", "[layers]\nbudget = \"many\"\n"),
    ] {
        let said = message(&format!("name = \"a\"\n{text}"));
        assert!(said.contains(&format!("`{key}` must be a whole number, but is a string")), "{said}");
    }
}

#[test]
fn a_toml_syntax_error() {
    assert_snapshot!(message("name = \"a\"\npython = 3.11 beta\n"), @r#"
     × this is not valid TOML: string values must be quoted, expected literal string
      ╭─[spec.toml:2:10]
    1 │ name = "a"
    2 │ python = 3.11 beta
      ·          ────┬────
      ·              ╰── here
      ╰────
    "#);
}

/// What stands after a bracket that is not closed may have been meant otherwise: nothing is said of it.
#[test]
fn toml_syntax_errors_are_told_together_with_what_is_wrong_beside_them() {
    for (text, mistakes) in [
        ("name = \"a\"\npython = 3.11 beta\nbase = bookworm\npythn = 3\n", 3),
        ("name = \"a\npythn = 3\n", 2),
        ("name = \ntags = [3]\n", 2),
        ("name = \"a\"\ntags = [\"x\", y, 3]\n[[copy]]\n", 4),
        ("name = \"a\"\npython 3.11\nbase bookworm\npythn = 3\n", 1),
        ("name = \"a\"\nname = \"b\"\npythn = 3\nbase = bookworm\n", 2),
        ("name = \"a\"\ntags = [\"a\", \"b\"\n[pip]\npackages = [\"c\"]\n[layers]\nbudget = 3\n", 1),
        ("name = \"a\"\ntags = [\"a\", \"b\"\n[pip]\npackages = c\n", 2),
        ("name = \"a\"\n[matrix]\nv = 3.11 beta\n[base]\npackages = [3]\n", 1),
        ("name: a\npython: 3.11\nconda:\n  - x\n", 1),
        ("name = \"a\"\ntags = \"a\",\n  \"b\",\n  \"c\",\n]\npythn = 3\n", 1),
        ("name = \"a\"\n[[check]]\nrun = \"first\nsecond line\nthird\"\ntimeout = x\n", 1),
    ] {
        let problems = super::load(&[("spec.toml", text)]).map_or_else(|error| error.problems().len(), |_| 0);
        assert_eq!(problems, mistakes, "{text}\n{:?}", super::load(&[("spec.toml", text)]));
    }
}

#[test]
fn a_key_that_is_there_twice() {
    assert_snapshot!(message("name = \"a\"\nname = \"b\"\n"), @r#"
     × this is not valid TOML: duplicate key
      ╭─[spec.toml:2:1]
    1 │ name = "a"
    2 │ name = "b"
      · ──┬─
      ·   ╰── here
      ╰────
    "#);
}

#[test]
fn no_name() {
    assert_snapshot!(message("python = \"3.11\"\n"), @r#"
     × the key `name` is missing
      ╭─[spec.toml:1:1]
    1 │ python = "3.11"
      · ▲
      · ╰── here
      ╰────
    "#);
}

#[test]
fn unknown_keys_are_told_together_each_with_the_nearest_known_one() {
    let text = "name = \"a\"\npyhton = \"3.11\"\n\n[conda]\nchannel_priority = \"strict\"\n\n[[copy]]\nform = \"src\"\nfrom = \"src\"\nto = \"/src\"\n";
    assert_snapshot!(message(text), @r#"
      × `spec.toml` has 3 mistakes

    Error:
      × unknown key `pyhton`
       ╭─[spec.toml:2:1]
     1 │ name = "a"
     2 │ pyhton = "3.11"
       · ───┬──
       ·    ╰── here
     3 │
       ╰────
      help: did you mean `python`?

    Error:
      × unknown key `conda.channel_priority`
       ╭─[spec.toml:5:1]
     4 │ [conda]
     5 │ channel_priority = "strict"
       · ────────┬───────
       ·         ╰── here
     6 │
       ╰────
      help: did you mean `channel-priority`?

    Error:
      × unknown key `copy[0].form`
       ╭─[spec.toml:8:1]
     7 │ [[copy]]
     8 │ form = "src"
       · ──┬─
       ·   ╰── here
     9 │ from = "src"
       ╰────
      help: did you mean `from`?
    "#);
}

#[test]
fn a_wrong_type() {
    assert_snapshot!(message("name = \"a\"\n[conda]\npackages = \"numpy\"\n"), @r#"
     × `conda.packages` must be a list, but is a string
      ╭─[spec.toml:3:12]
    2 │ [conda]
    3 │ packages = "numpy"
      ·            ───┬───
      ·               ╰── here
      ╰────
    "#);
    assert_snapshot!(message("name = 5\n"), @r"
     × `name` must be a string, but is an integer
      ╭─[spec.toml:1:8]
    1 │ name = 5
      ·        ┬
      ·        ╰── here
      ╰────
    ");
    assert_snapshot!(message("name = \"a\"\nbase = 12\n"), @r#"
     × `base` must be a string or a table, but is an integer
      ╭─[spec.toml:2:8]
    1 │ name = "a"
    2 │ base = 12
      ·        ─┬
      ·         ╰── here
      ╰────
    "#);
    assert_snapshot!(message("name = \"a\"\nimage = []\n"), @r#"
     × `image` must be a table, but is a list
      ╭─[spec.toml:2:9]
    1 │ name = "a"
    2 │ image = []
      ·         ─┬
      ·          ╰── here
      ╰────
    "#);
}

#[test]
fn a_bad_version() {
    assert_snapshot!(message("name = \"a\"\npython = \"3.x\"\n"), @r#"
     × `3.x` is not a version of Python 3
      ╭─[spec.toml:2:10]
    1 │ name = "a"
    2 │ python = "3.x"
      ·          ──┬──
      ·            ╰── here
      ╰────
     help: write major and minor, like `3.11`, or the patch release as well, like `3.11.9`
    "#);
    assert_snapshot!(message("name = \"a\"\ncuda = 12\n"), @r#"
     × `12` is not a version of CUDA
      ╭─[spec.toml:2:8]
    1 │ name = "a"
    2 │ cuda = 12
      ·        ─┬
      ·         ╰── here
      ╰────
     help: write major and minor, like `11.8`
    "#);
}

#[test]
fn a_bad_image_name() {
    assert_snapshot!(message("name = \"Base Image\"\n"), @r#"
     × `Base Image` is not a valid image name: each part between slashes is lower-case letters and
     │ digits, parted by one `.`, one or two `_`, or any number of `-`
      ╭─[spec.toml:1:8]
    1 │ name = "Base Image"
      ·        ──────┬─────
      ·              ╰── here
      ╰────
    "#);
}

#[test]
fn a_bad_tag() {
    assert_snapshot!(message("name = \"a\"\ntags = [\"v1+2\"]\n"), @r#"
     × `v1+2` is not a valid tag: it may hold letters, digits, `_`, `.` and `-` only
      ╭─[spec.toml:2:9]
    1 │ name = "a"
    2 │ tags = ["v1+2"]
      ·         ───┬──
      ·            ╰── here
      ╰────
    "#);
    assert_snapshot!(message("name = \"a\"\ntags = []\n"), @r#"
     × `tags` must not be empty
      ╭─[spec.toml:2:8]
    1 │ name = "a"
    2 │ tags = []
      ·        ─┬
      ·         ╰── here
      ╰────
     help: remove the key for its default
    "#);
}

#[test]
fn a_bad_platform() {
    assert_snapshot!(message("name = \"a\"\nplatforms = [\"linux/amd64\", \"windows/amd64\"]\n"), @r#"
     × `windows/amd64` is not a platform that images can be built for (`linux/amd64` and `linux/
     │ arm64` are)
      ╭─[spec.toml:2:29]
    1 │ name = "a"
    2 │ platforms = ["linux/amd64", "windows/amd64"]
      ·                             ───────┬───────
      ·                                    ╰── here
      ╰────
    "#);
}

#[test]
fn a_bad_word() {
    assert_snapshot!(message("name = \"a\"\n[conda]\nmanager = \"mambo\"\n"), @r#"
     × `conda.manager` cannot be `mambo`
      ╭─[spec.toml:3:11]
    2 │ [conda]
    3 │ manager = "mambo"
      ·           ───┬───
      ·              ╰── here
      ╰────
     help: did you mean `mamba`? It can be `none`, `conda`, `mamba`, `micromamba`
    "#);
    assert_snapshot!(message("name = \"a\"\n[base]\ndebian = \"sid\"\n"), @r#"
     × `base.debian` cannot be `sid`
      ╭─[spec.toml:3:10]
    2 │ [base]
    3 │ debian = "sid"
      ·          ──┬──
      ·            ╰── here
      ╰────
     help: it can be `bookworm`, `trixie`
    "#);
}

#[test]
fn a_bad_prefix() {
    assert_snapshot!(message("name = \"a\"\n[conda]\nprefix = \"/usr\"\n"), @r#"
     × `/usr` cannot be the prefix: it is a folder of the system
      ╭─[spec.toml:3:10]
    2 │ [conda]
    3 │ prefix = "/usr"
      ·          ───┬──
      ·             ╰── here
      ╰────
     help: the default is `/opt/conda`
    "#);
    assert_snapshot!(message("name = \"a\"\n[conda]\nprefix = \"/opt/../conda\"\n"), @r#"
     × `/opt/../conda` is not a path in the image: it is not in its shortest form
      ╭─[spec.toml:3:10]
    2 │ [conda]
    3 │ prefix = "/opt/../conda"
      ·          ───────┬───────
      ·                 ╰── here
      ╰────
     help: write `/conda`
    "#);
}

#[test]
fn an_empty_base_under_conda_or_python() {
    assert_snapshot!(message("name = \"a\"\npython = \"3.11\"\nbase = \"scratch\"\n"), @r#"
     × the base is `scratch`, but Python needs a base with glibc: the image could not start
      ╭─[spec.toml:2:10]
    1 │ name = "a"
    2 │ python = "3.11"
      ·          ───┬──
      ·             ╰── asked for here
    3 │ base = "scratch"
      ·        ────┬────
      ·            ╰── an empty base
      ╰────
     help: build on Debian: `base = "trixie"`, which is the default
    "#);
    assert_snapshot!(
        message("name = \"a\"\n[base]\nscratch = true\n[conda]\npackages = [\"numpy\"]\n"), @r#"
     × the base is `scratch`, but a conda environment needs a base with glibc: the image could not
     │ start
      ╭─[spec.toml:2:1]
    1 │ name = "a"
    2 │ [base]
      · ───┬──
      ·    ╰── an empty base
    3 │ scratch = true
      ╰────
     help: build on Debian: `base = "trixie"`, which is the default
    "#);
}

#[test]
fn an_empty_base_with_debian_packages() {
    assert_snapshot!(message("name = \"a\"\n[base]\nscratch = true\npackages = [\"git\"]\n"), @r#"
     × `base.scratch` and `base.packages` exclude each other
      ╭─[spec.toml:3:11]
    2 │ [base]
    3 │ scratch = true
      ·           ──┬─
      ·             ╰── an empty base
    4 │ packages = ["git"]
      ·            ───┬───
      ·               ╰── only Debian has this
      ╰────
    "#);
}

#[test]
fn a_bad_budget() {
    assert_snapshot!(message("name = \"a\"\n[layers]\nbudget = 127\n"), @r"
     × a budget of 127 layers cannot be kept
      ╭─[spec.toml:3:10]
    2 │ [layers]
    3 │ budget = 127
      ·          ─┬─
      ·           ╰── here
      ╰────
     help: write a number from 8 to 120; the default is 40
    ");
}

#[test]
fn a_bad_size_of_layers() {
    let with = |size: &str| message(&format!("name = \"a\"\n[layers]\nmax-layer = {size}\n"));
    assert_snapshot!(with("\"512 apples\""), @r#"
     × `512 apples` is not a size: its unit is none of B, KB, MB, GB, TB, KiB, MiB, GiB, TiB
      ╭─[spec.toml:3:13]
    2 │ [layers]
    3 │ max-layer = "512 apples"
      ·             ──────┬─────
      ·                   ╰── here
      ╰────
     help: write a whole number and a unit, such as `"512MB"`
    "#);
    assert_snapshot!(with("\"1.5GB\""), @r#"
     × `1.5GB` is not a size: it is not a whole number and a unit, such as `20GB`
      ╭─[spec.toml:3:13]
    2 │ [layers]
    3 │ max-layer = "1.5GB"
      ·             ───┬───
      ·                ╰── here
      ╰────
     help: write a whole number and a unit, such as `"512MB"`
    "#);
    assert_snapshot!(with("\"1MB\""), @r#"
     × layers cannot be held to 1MB: an image would have too many
      ╭─[spec.toml:3:13]
    2 │ [layers]
    3 │ max-layer = "1MB"
      ·             ──┬──
      ·               ╰── here
      ╰────
     help: write at least `"16MiB"`
    "#);
    assert_snapshot!(with("true"), @r#"
     × `layers.max-layer` must be a string or a number, but is a boolean
      ╭─[spec.toml:3:13]
    2 │ [layers]
    3 │ max-layer = true
      ·             ──┬─
      ·               ╰── here
      ╰────
    "#);
}

#[test]
fn bad_copies() {
    assert_snapshot!(message("name = \"a\"\n[[copy]]\nfrom = \"src\"\nto = \"/src\"\nmode = \"rwx\"\n"), @r#"
     × `rwx` is not a mode
      ╭─[spec.toml:5:8]
    4 │ to = "/src"
    5 │ mode = "rwx"
      ·        ──┬──
      ·          ╰── here
      ╰────
     help: write three or four octal digits as a string, like `"0644"`
    "#);
    assert_snapshot!(message("name = \"a\"\n[[copy]]\nfrom = \"../src\"\nto = \"/src\"\n"), @r#"
     × `../src` cannot be copied: it leads out of the spec's folder
      ╭─[spec.toml:3:8]
    2 │ [[copy]]
    3 │ from = "../src"
      ·        ────┬───
      ·            ╰── here
    4 │ to = "/src"
      ╰────
     help: copy it into the spec's folder first
    "#);
    assert_snapshot!(message("name = \"a\"\n[[copy]]\nfrom = \"/src\"\nto = \"/src\"\n"), @r#"
     × `/src` cannot be copied: it is an absolute path
      ╭─[spec.toml:3:8]
    2 │ [[copy]]
    3 │ from = "/src"
      ·        ───┬──
      ·           ╰── here
    4 │ to = "/src"
      ╰────
     help: write it relative to the spec's folder
    "#);
    assert_snapshot!(message("name = \"a\"\n[[copy]]\nfrom = \"src\"\nto = \"src/\"\n"), @r#"
     × `src/` is not a path in the image: it does not begin with `/`
      ╭─[spec.toml:4:6]
    3 │ from = "src"
    4 │ to = "src/"
      ·      ───┬──
      ·         ╰── here
      ╰────
     help: write it from the image's root, like `/workspace`
    "#);
    assert_snapshot!(message("name = \"a\"\n[[copy]]\nfrom = \"src\"\nto = \"/src\"\nowner = \"me\"\n"), @r#"
     × `me` is not an owner
      ╭─[spec.toml:5:9]
    4 │ to = "/src"
    5 │ owner = "me"
      ·         ──┬─
      ·           ╰── here
      ╰────
     help: write the numbers of user and group, like `1000:100`
    "#);
    assert_snapshot!(message("name = \"a\"\n[[copy]]\nfrom = \"src\"\n"), @r#"
     × the key `copy[0].to` is missing
      ╭─[spec.toml:2:1]
    1 │ name = "a"
    2 │ [[copy]]
      · ────┬───
      ·     ╰── here
    3 │ from = "src"
      ╰────
    "#);
}

#[test]
fn a_bad_image_configuration() {
    assert_snapshot!(message("name = \"a\"\n[image]\nenv = { \"A-B\" = \"1\" }\n"), @r#"
     × `A-B` is not the name of an environment variable
      ╭─[spec.toml:3:9]
    2 │ [image]
    3 │ env = { "A-B" = "1" }
      ·         ──┬──
      ·           ╰── here
      ╰────
     help: use letters, digits and `_`, with no digit first
    "#);
    assert_snapshot!(message("name = \"a\"\n[image]\nexpose = [8080, 70000]\n"), @r#"
     × `70000` is not a port
      ╭─[spec.toml:3:17]
    2 │ [image]
    3 │ expose = [8080, 70000]
      ·                 ──┬──
      ·                   ╰── here
      ╰────
     help: write a number from 1 to 65535, or like `"8080/udp"`
    "#);
    assert_snapshot!(message("name = \"a\"\n[image]\nuser = \"1000:users\"\n"), @r#"
     × `1000:users` is not a user
      ╭─[spec.toml:3:8]
    2 │ [image]
    3 │ user = "1000:users"
      ·        ──────┬─────
      ·              ╰── here
      ╰────
     help: write numbers, like `1000:100`, or names, like `jovyan:users`
    "#);
}

#[test]
fn a_bad_conda_table() {
    assert_snapshot!(message("name = \"a\"\n[conda]\npackages = [\"\"]\n"), @r#"
     × `` is not a requirement
      ╭─[spec.toml:3:13]
    2 │ [conda]
    3 │ packages = [""]
      ·             ─┬
      ·              ╰── here
      ╰────
     help: write a package and, if need be, its version, like `numpy >=1.26`
    "#);
    assert_snapshot!(message("name = \"a\"\n[conda]\npackages = [\"a\"]\nchannels = []\n"), @r#"
     × `conda.channels` must not be empty
      ╭─[spec.toml:4:12]
    3 │ packages = ["a"]
    4 │ channels = []
      ·            ─┬
      ·             ╰── here
      ╰────
     help: for example `channels = ["conda-forge"]`
    "#);
    assert_snapshot!(message("name = \"a\"\n[conda]\nmanager = \"mamba\"\nwritable = false\n"), @r#"
     × `conda.manager` and `conda.writable = false` exclude each other
      ╭─[spec.toml:4:12]
    3 │ manager = "mamba"
    4 │ writable = false
      ·            ──┬──
      ·              ╰── here
      ╰────
     help: a manager is there to change the environment: remove one of the two
    "#);
    assert_snapshot!(message("name = \"a\"\n[conda]\nexclude-newer = \"last week\"\n"), @r#"
     × `last week` is not a time
      ╭─[spec.toml:3:17]
    2 │ [conda]
    3 │ exclude-newer = "last week"
      ·                 ─────┬─────
      ·                      ╰── here
      ╰────
     help: write a day, like `2024-05-01` (its beginning in UTC), or a time, like `2024-05-
           01T12:00:00Z`
    "#);
    assert_snapshot!(message("name = \"a\"\n[conda.mirrors]\nconda-forge = [\"mirror.example\"]\n"), @r#"
     × `mirror.example` is not the URL of a mirror: relative URL without a base
      ╭─[spec.toml:3:16]
    2 │ [conda.mirrors]
    3 │ conda-forge = ["mirror.example"]
      ·                ────────┬───────
      ·                        ╰── here
      ╰────
     help: write it like `https://mirror.example/conda-forge`
    "#);
}

#[test]
fn a_check_that_cannot_be_run() {
    assert_snapshot!(message("name = \"a\"\n[[check]]\nrun = [\"x\"]\ntimeout = 0\n"), @r#"
     × a time of 0 seconds cannot be kept
      ╭─[spec.toml:4:11]
    3 │ run = ["x"]
    4 │ timeout = 0
      ·           ┬
      ·           ╰── here
      ╰────
     help: write a number from 1 to 86400; the default is 300
    "#);
    assert_snapshot!(message("name = \"a\"\n[[check]]\nrun = []\n"), @r#"
     × `check[0].run` must not be empty
      ╭─[spec.toml:3:7]
    2 │ [[check]]
    3 │ run = []
      ·       ─┬
      ·        ╰── here
      ╰────
     help: name a program, for example `run = ["python", "-c", "import numpy"]`
    "#);
}

#[test]
fn a_script_that_is_run_and_is_not() {
    assert_snapshot!(message(
        "name = \"a\"\n[conda]\npackages = [\"qt\"]\nallow-post-link = [\"qt\"]\nskip-post-link = [\"qt\"]\n"
    ), @r#"
     × `conda.allow-post-link` and `conda.skip-post-link` exclude each other
      ╭─[spec.toml:4:20]
    3 │ packages = ["qt"]
    4 │ allow-post-link = ["qt"]
      ·                    ──┬─
      ·                      ╰── this package
    5 │ skip-post-link = ["qt"]
      ╰────
     help: the script of `qt` is either run or not: remove one of the two
    "#);
}

#[test]
fn what_no_program_can_be_given() {
    for line in ["env.A = V", "labels.a = V", "entrypoint = [\"a\", V]", "cmd = [V]"] {
        let spec = |value: &str| format!("name = \"x\"\n[image]\n{}\n", line.replace('V', value));
        // What a shell would read otherwise is no value of a variable.
        let good = if line.starts_with("env") { r#""a\nb\\\u001b é""# } else { r#""a\nb'\"\\$`\u001b é""# };
        assert_eq!(variants(&spec(good)).len(), 1);
        let said = message(&spec(r#""a\u0000b""#));
        assert!(said.contains("`a\\u{0}b` holds a NUL, and no program can be given that"), "{said}");
        assert!(said.contains("[spec.toml:3:") && said.contains("leave it out"), "{said}");
    }
    let said = message("name = \"x\"\n[[check]]\nrun = [\"a\", \"\\u0000\"]\n");
    assert!(said.contains("holds a NUL") && said.contains("[spec.toml:3:"), "{said}");
    let environment = "name: e\nchannels: [c]\ndependencies: [a]\nvariables:\n  A: \"b\\0\"\n";
    let said = message_of(&[("spec.toml", "name = \"x\"\nenv = \"e.yml\"\n"), ("e.yml", environment)]);
    assert!(said.contains("holds a NUL") && said.contains("[e.yml:5:"), "{said}");
}
