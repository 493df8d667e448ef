//! What is wrong with requirements and the lines of their files: each whole message.

use insta::assert_snapshot;

use crate::tests::bad_pip::{SPEC, message};

/// Of one line of a requirements file.
fn line(line: &str) -> String {
    message("pip.requirements = \"requirements.txt\"\n", &[("requirements.txt", &format!("six\n{line}\n"))])
}

#[test]
fn a_requirement_that_is_none() {
    assert_snapshot!(message("[pip]\npackages = [\"numpy 1.26\", \"six\"]\n", &[]), @r#"
     × `numpy 1.26` is not a requirement: `1.26` is no comparison: write `>=`, `==` or another one
     │ before a version
      ╭─[spec.toml:4:13]
    3 │ [pip]
    4 │ packages = ["numpy 1.26", "six"]
      ·             ──────┬─────
      ·                   ╰── here
      ╰────
     help: did you mean `numpy==1.26`?
    "#);
    assert_snapshot!(line("numpy >>1"), @r#"
     × `numpy >>1` is not a requirement: `>>1` is not a comparison with a version
      ╭─[requirements.txt:2:1]
    1 │ six
    2 │ numpy >>1
      · ────┬────
      ·     ╰── here
      ╰────
     help: did you mean `numpy>1`?
    "#);
    assert_snapshot!(line("numpy ; python_versio < '3.12'"), @r#"
     × `numpy ; python_versio < '3.12'` is not a requirement: its marker has `python_versio` in the
     │ place of a variable, such as `python_version`, or a text in quotes
      ╭─[requirements.txt:2:1]
    1 │ six
    2 │ numpy ; python_versio < '3.12'
      · ───────────────┬──────────────
      ·                ╰── here
      ╰────
     help: write it like `numpy >=1.26`, `name @ https://…` or `./folder`
    "#);
    let environment = "dependencies:\n  - pip:\n      - pandas[x\n";
    assert_snapshot!(message("env = \"e.yml\"\n", &[("e.yml", environment)]), @r#"
     × `pandas[x` is not a requirement: a `[` without its partner
      ╭─[e.yml:3:9]
    2 │   - pip:
    3 │       - pandas[x
      ·         ────┬───
      ·             ╰── here
      ╰────
     help: write it like `numpy >=1.26`, `name @ https://…` or `./folder`
    "#);
}

#[test]
fn of_many_mistakes_the_first_are_shown_and_the_rest_is_counted() {
    let lines: String = (0..1764).map(|number| format!("a{number}=1\n")).collect();
    let text = message("[pip]\nrequirements = \"r.txt\"\n", &[("r.txt", &lines)]);
    assert!(text.contains("`spec.toml` has 1764 mistakes"), "{text}");
    assert_eq!(text.matches("is not a requirement").count(), 20);
    assert!(
        text.trim_end().ends_with("and 1744 more mistakes, which are shown when those above are mended"),
        "{text}"
    );
}

#[test]
fn all_rules_of_requirements() {
    let rule = |text: &str| {
        let whole = line(text);
        whole.lines().next().unwrap_or_default().trim().to_owned()
    };
    let all = [
        "-numpy",
        "numpy==",
        "numpy==1 2",
        "numpy>=1,,<2",
        "numpy==1.*.2",
        "numpy[",
        "numpy[a b]",
        "a_",
        "é",
        "numpy;",
        "numpy @",
        "numpy @ ftp://h.example/x.whl",
        "numpy @ https://h.example/x",
        "hg+https://h.example/x",
        "git+https://h.example/x@",
        "git+https://h.example/x@--upload-pack=x",
        "file://h/x",
        "..\\x",
        "~/x",
        "${HOME}/x",
        "https://",
        "git+ssh://git@h.example:x/y",
        "git+h.example/x",
        "numpy==${UNSET}",
        "a b",
        "https://c.example/noarch/a-1-0.conda",
    ];
    let rules: Vec<String> = all.iter().map(|text| rule(text)).collect();
    assert_snapshot!(rules.join("\n"), @r"
    × the option `-n` does not work here
    × `numpy==` is not a requirement: `==` is not a comparison with a version
    × `numpy==1 2` is not a requirement: `==1 2` is not a comparison with a version
    × `numpy>=1,,<2` is not a requirement: there is nothing beside a `,`
    × `numpy==1.*.2` is not a requirement: `==1.*.2` is not a comparison with a version
    × `numpy[` is not a requirement: a `[` without its partner
    × `numpy[a b]` is not a requirement: `a b` is not the name of an extra
    × `a_` is not a requirement: the name `a_` must begin and end with a letter or digit
    × `é` is not a requirement: it does not begin with a name
    × `numpy;` is not a requirement: its marker ends before a variable, such as `python_version`, or
    × `numpy @` is not a requirement: there is nothing behind its `@`
    × `numpy @ ftp://h.example/x.whl` is not a requirement: `ftp://h.example/x.whl` is not a URL
    × `numpy @ https://h.example/x` is not a requirement: its URL names neither a wheel nor an
    × `hg+https://h.example/x` is not a requirement: `hg+` is not known
    × `git+https://h.example/x@` is not a requirement: what is behind its `@` is no revision
    × `git+https://h.example/x@--upload-pack=x` is not a requirement: what is behind its `@` is no
    × `file://h/x` is not a requirement: a file's URL begins with `file:///`
    × `..\x` is not a requirement: a path has slashes, and no `~`
    × `~/x` is not a requirement: a path has slashes, and no `~`
    × the variable `HOME` is not set
    × `https://` is not a requirement: `https://` is not a URL that can be used: empty host
    × `git+ssh://git@h.example:x/y` is not a requirement: what is behind the `:` of `ssh://
    × `git+h.example/x` is not a requirement: `git+` must be followed by a URL
    × the variable `UNSET` is not set
    × `a b` is not a requirement: `b` is no comparison: write `>=`, `==` or another one before a
    × `https://c.example/noarch/a-1-0.conda` is not a requirement: its URL names neither a wheel nor
    ");
}

#[test]
fn an_option_that_does_not_work_here() {
    assert_snapshot!(line("--extra-indx-url https://i.example/simple"), @"
     × the option `--extra-indx-url` does not work here
      ╭─[requirements.txt:2:1]
    1 │ six
    2 │ --extra-indx-url https://i.example/simple
      · ────────────────────┬────────────────────
      ·                     ╰── here
      ╰────
     help: did you mean `--extra-index-url`? It can be `--requirement`, `--constraint`, `--editable`,
           `--index-url`, `--extra-index-url`, `--no-index`, `--find-links`, `--pre`, `--require-
           hashes`, `--only-binary`, `--prefer-binary`, `--no-binary`, `--trusted-host`, `--use-
           feature`
    ");
    assert_snapshot!(message("[pip]\npackages = [\"-r requirements.txt\"]\n", &[]), @r#"
     × `-r` cannot stand among packages
      ╭─[spec.toml:4:13]
    3 │ [pip]
    4 │ packages = ["-r requirements.txt"]
      ·             ──────────┬──────────
      ·                       ╰── here
      ╰────
     help: name the file by `[pip] requirements`
    "#);
    let all = [
        "--no-index=yes",
        "--require x",
        "--find-links ~/wheels",
        "--find-links file:wheels",
        "--find-links https://i.example/a,b",
        "--config-settings a=b",
        "./folder --config-settings=a=b",
        "-e ./folder --global-option=x",
        "--hash=sha256:ab",
        "six -r x.txt",
        "-r",
        "--pre=yes",
        "--pre six",
        "-e ./x ; 'a'",
        "six --hash",
        "-r 'x",
        "--no-deps",
        "six --hash=sha256:ab",
        "six --hash=sha512:ab",
        "six --hash=md6:ab",
        "--index-url ./wheels",
        "-",
    ];
    let rules: Vec<String> = all
        .iter()
        .map(|text| {
            let whole = line(text);
            let hint = whole
                .split_once("help: ")
                .map(|(_, hint)| hint.split_whitespace().collect::<Vec<_>>().join(" "));
            format!("{}\n  {}", whole.lines().next().unwrap_or_default().trim(), hint.unwrap_or_default())
        })
        .collect();
    assert_snapshot!(rules.join("\n"), @"
    × `--no-index` has no value
      
    × the option `--require` does not work here
      did you mean `--requirement`? It can be `--requirement`, `--constraint`, `--editable`, `--index-url`, `--extra-index-url`, `--no-index`, `--find-links`, `--pre`, `--require- hashes`, `--only-binary`, `--prefer-binary`, `--no-binary`, `--trusted-host`, `--use- feature`
    × `~/wheels` names no packages: a path has slashes, no `~` and no `,`
      write it like `./wheels`
    × `file:wheels` names no packages: a file's URL begins with `file:///`
      write its path, as `./folder`
    × `https://i.example/a,b` names no packages: a `,` parts two of them
      write it as `%2C`
    × the option `--config-settings` does not work here
      it stands behind the requirement that it is about; projects are built without settings
    × `./folder` would be built without `--config-settings`
      projects are built without settings: build the wheel by yourself, and name it by its path or URL
    × `./folder` would be built without `--global-option`
      projects are built without settings: build the wheel by yourself, and name it by its path or URL
    × the option `--hash` does not work here
      it stands behind the requirement that it is about
    × `-r` stands behind a requirement
      write it into a line of its own
    × there is nothing behind `-r`
      
    × `--pre` has no value
      
    × `six` stands behind an option, and belongs to none
      pip passes it over: write it into a line of its own, or remove it
    × `./x ; 'a'` is not a requirement: its marker ends before a comparison, such as `>=`
      write it like `numpy >=1.26`, `name @ https://…` or `./folder`
    × there is nothing behind `--hash`
      
    × a ' without its partner
      
    × the option `--no-deps` does not work here
      it can be `--requirement`, `--constraint`, `--editable`, `--index-url`, `--extra-index- url`, `--no-index`, `--find-links`, `--pre`, `--require-hashes`, `--only-binary`, `--prefer-binary`, `--no-binary`, `--trusted-host`, `--use-feature`
    × `sha256:ab` is not a hash
      write it like `--hash=sha256:…`, with 64 hexadecimal digits
    × its hashes are sha512, and none is a sha256
      wheels are locked by their sha256: write the file anew with such hashes
    × `md6:ab` is not a hash
      write it like `--hash=sha256:…`, with 64 hexadecimal digits
    × `./wheels` is not a URL that can be used: relative URL without a base
      write it like `https://index.example/simple`
    × the option `-` does not work here
      it can be `--requirement`, `--constraint`, `--editable`, `--index-url`, `--extra-index- url`, `--no-index`, `--find-links`, `--pre`, `--require-hashes`, `--only-binary`, `--prefer-binary`, `--no-binary`, `--trusted-host`, `--use-feature`
    ");
}

#[test]
fn constraints_are_names_and_versions() {
    let with =
        |text: &str| message("[pip]\npackages = [\"six\"]\nconstraints = \"c.txt\"\n", &[("c.txt", text)]);
    assert_snapshot!(with("numpy<2\nsix[x]<2\n"), @r#"
     × `six[x]<2` is no constraint: it has extras
      ╭─[c.txt:2:1]
    1 │ numpy<2
    2 │ six[x]<2
      · ────┬───
      ·     ╰── here
      ╰────
     help: a constraint is a name and the versions that it may have; name it as a requirement instead
    "#);
    assert_snapshot!(with("-r requirements.txt\n"), @r#"
     × a file of constraints names no requirements
      ╭─[c.txt:1:1]
    1 │ -r requirements.txt
      · ─────────┬─────────
      ·          ╰── here
      ╰────
     help: name it by `-r`, or a further file of constraints by `-c`
    "#);
}

#[test]
fn two_indexes() {
    let files = [
        ("requirements.txt", "-i https://me:s3cret@a.example/simple\n-r b.txt\n"),
        ("b.txt", "--index-url https://me:s3cret@b.example/simple\n"),
    ];
    assert_snapshot!(message("pip.requirements = \"requirements.txt\"\n", &files), @r#"
     × `https://b.example/simple` is a second index, beside that of requirements.txt:1: `https://
     │ a.example/simple`
      ╭─[b.txt:1:1]
    1 │ --index-url https://*********@b.example/simple
      · ───────────────────────┬──────────────────────
      ·                        ╰── here
      ╰────
     help: name further ones by `--extra-index-url`, or one for all by `[pip] index-url`
    "#);
}

#[test]
fn a_requirement_without_a_hash() {
    let hash = "ab".repeat(32);
    let with =
        |text: &str| message("pip.requirements = \"requirements.txt\"\n", &[("requirements.txt", text)]);
    assert_snapshot!(with(&format!("six==1.16.0 --hash=sha256:{hash}\nnumpy==1.26.0\n")), @r#"
     × `numpy==1.26.0` has no hash, and every requirement beside one with a hash must be one version
     │ with a hash
      ╭─[requirements.txt:2:1]
    1 │ six==1.16.0 --hash=sha256:abababababababababababababababababababababababababababababababab
    2 │ numpy==1.26.0
      · ──────┬──────
      ·       ╰── this one
      ╰────
     help: write `name==version --hash=sha256:…` for each, as `uv pip compile --generate-hashes`
           does, or give none of them a hash
    "#);
    assert_snapshot!(with(&format!("six>=1.16.0 --hash=sha256:{hash}\n")), @r#"
     × `six>=1.16.0` is not one version, and every requirement beside one with a hash must be one
     │ version with a hash
      ╭─[requirements.txt:1:1]
    1 │ six>=1.16.0 --hash=sha256:abababababababababababababababababababababababababababababababab
      · ─────────────────────────────────────────────┬────────────────────────────────────────────
      ·                                              ╰── this one
      ╰────
     help: write `name==version --hash=sha256:…` for each, as `uv pip compile --generate-hashes`
           does, or give none of them a hash
    "#);
    assert_snapshot!(with("--require-hashes\nsix==1.16.0\n"), @r#"
     × `six==1.16.0` has no hash, and every requirement beside one with a hash must be one version
     │ with a hash
      ╭─[requirements.txt:2:1]
    1 │ --require-hashes
    2 │ six==1.16.0
      · ─────┬─────
      ·      ╰── this one
      ╰────
     help: write `name==version --hash=sha256:…` for each, as `uv pip compile --generate-hashes`
           does, or give none of them a hash
    "#);
}

#[test]
fn text_that_nobody_has_written() {
    let read = |path: &std::path::Path, _: usize| match path.to_str() {
        Some("spec.toml") => Ok(format!("{SPEC}pip.requirements = \"requirements.txt\"\n").into_bytes()),
        _ => Ok(b"n\0u\0m\0p\0y\0\xff".to_vec()),
    };
    let surroundings = imgbuild_document::files::Surroundings { read: &read, variables: &|_: &str| None };
    let error = crate::Spec::load_with(std::path::Path::new("spec.toml"), surroundings).unwrap_err();
    assert_eq!(error.to_string(), "`requirements.txt` is not UTF-8 text");
    assert_eq!(error.problems()[0].origin().map(|origin| origin.line()), Some(3));
    let message = |text: &String| {
        let spec = ("spec.toml", "name = \"a\"\npip.requirements = \"requirements.txt\"\n");
        super::load(&[spec, ("requirements.txt", text)]).unwrap_err().to_string()
    };
    let all = [
        format!("numpy ; {}", "(".repeat(10_000)),
        format!("numpy{}", ">=1,".repeat(10_000)),
        format!("numpy[{}", "a,".repeat(4_000)),
        "numpy\u{7}".to_owned(),
        "numpy ; os_name == '\u{1}'".to_owned(),
    ];
    assert_snapshot!(all.iter().map(message).collect::<Vec<_>>().join("\n"), @r#"
    `numpy ; ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((…` is not a requirement: its parentheses are too deep
    a requirement has more than 16384 bytes
    `numpy[a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,…` is not a requirement: a `[` without its partner
    `numpy\u{7}` is not a requirement: it is empty or holds control characters
    `numpy ; os_name == \'\u{1}\'` is not a requirement: it is empty or holds control characters
    "#);
}
