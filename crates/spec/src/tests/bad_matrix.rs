//! What a bad matrix and bad templates get: each whole message.

use insta::assert_snapshot;

use crate::tests::message;

#[test]
fn a_key_that_nothing_uses() {
    assert_snapshot!(message("name = \"a\"\n[matrix]\npython = [3.9]\n"), @r"
     × nothing uses the matrix key `python`
      ╭─[spec.toml:3:1]
    2 │ [matrix]
    3 │ python = [3.9]
      · ───┬──
      ·    ╰── not used
      ╰────
     help: write `{python}` where its value belongs, or remove the key
    ");
}

#[test]
fn a_template_without_its_key() {
    assert_snapshot!(message("name = \"a\"\npython = \"{python}\"\n"), @r#"
     × the template `{python}` has no key in `[matrix]`
      ╭─[spec.toml:2:11]
    1 │ name = "a"
    2 │ python = "{python}"
      ·           ────┬───
      ·               ╰── no such key
      ╰────
     help: add `python = ["…"]` to `[matrix]`; for the braces themselves, write `{{python}}`
    "#);
    assert_snapshot!(
        message("name = \"a\"\npython = \"{python}\"\n[image]\ncmd = [\"sh\", \"-c\", \"ls ${HOME}\"]\n[matrix]\npython = [3.9]\n"), @r#"
     × the template `{HOME}` has no key in `[matrix]`
      ╭─[spec.toml:4:25]
    3 │ [image]
    4 │ cmd = ["sh", "-c", "ls ${HOME}"]
      ·                         ───┬──
      ·                            ╰── no such key
    5 │ [matrix]
      ╰────
     help: the matrix has `python`; for the braces themselves, write `{{HOME}}`
    "#);
    assert_snapshot!(message("name = \"a\"\n[image]\ncmd = [\"echo\", \"{b: [1]}\"]\n"), @r#"
     × the template `{b: [1]}` has no key in `[matrix]`
      ╭─[spec.toml:3:17]
    2 │ [image]
    3 │ cmd = ["echo", "{b: [1]}"]
      ·                 ────┬───
      ·                     ╰── no such key
      ╰────
     help: for the braces themselves, write `{{b: [1]}}`
    "#);
}

#[test]
fn a_lone_brace() {
    assert_snapshot!(message("name = \"a\"\n[image]\ncmd = [\"awk\", \"{print\"]\n"), @r#"
     × a `{` without its partner
      ╭─[spec.toml:3:15]
    2 │ [image]
    3 │ cmd = ["awk", "{print"]
      ·               ────┬───
      ·                   ╰── in this string
      ╰────
     help: for the brace itself, write it twice: `{{`
    "#);
}

#[test]
fn two_combinations_with_one_tag() {
    assert_snapshot!(message("name = \"a\"\npython = \"{python}\"\n[matrix]\npython = [3.9, 3.10]\n"), @r#"
     × the tag `latest` is given to two combinations: (python = 3.9) and (python = 3.10)
      ╭─[spec.toml:3:1]
    2 │ python = "{python}"
    3 │ [matrix]
      · ────┬───
      ·     ╰── a matrix, but no `tags`
    4 │ python = [3.9, 3.10]
      ╰────
     help: name what differs in `tags`, for example `tags = ["{python}"]`
    "#);
    assert_snapshot!(
        message("name = \"a\"\ntags = [\"{python}\"]\npython = \"{python}\"\ncuda = \"{cuda}\"\n[matrix]\npython = [3.9]\ncuda = [11.8, 12.4]\n"), @r#"
     × the tag `3.9` is given to two combinations: (cuda = 11.8, python = 3.9) and (cuda = 12.4,
     │ python = 3.9)
      ╭─[spec.toml:2:8]
    1 │ name = "a"
    2 │ tags = ["{python}"]
      ·        ──────┬─────
      ·              ╰── these tags
    3 │ python = "{python}"
      ╰────
     help: name what differs in `tags`, for example `tags = ["{cuda}"]`
    "#);
}

#[test]
fn a_value_that_only_one_combination_makes_wrong() {
    assert_snapshot!(
        message("name = \"a\"\ntags = [\"{python}\"]\npython = \"{python}\"\n[matrix]\npython = [3.9, \"three\"]\n"), @r#"
     × `three` is not a version of Python 3
      ╭─[spec.toml:3:10]
    2 │ tags = ["{python}"]
    3 │ python = "{python}"
      ·          ─────┬────
      ·               ╰── with python = three
    4 │ [matrix]
      ╰────
     help: write major and minor, like `3.11`, or the patch release as well, like `3.11.9`
    "#);
}

#[test]
fn bad_excludes() {
    let spec = |exclude: &str| {
        message(&format!(
            "name = \"a\"\ntags = [\"{{python}}\"]\npython = \"{{python}}\"\n[matrix]\npython = [3.9, 3.10]\nexclude = {exclude}\n"
        ))
    };
    assert_snapshot!(spec("[{ python = 3.11 }]"), @r"
     × this `exclude` matches no combination of the matrix
      ╭─[spec.toml:6:12]
    5 │ python = [3.9, 3.10]
    6 │ exclude = [{ python = 3.11 }]
      ·            ────────┬────────
      ·                    ╰── this item
      ╰────
     help: its values must be written as they are in the matrix
    ");
    assert_snapshot!(spec("[{ cuda = 11.8 }]"), @r"
     × `exclude` names `cuda`, which is no key of the matrix
      ╭─[spec.toml:6:14]
    5 │ python = [3.9, 3.10]
    6 │ exclude = [{ cuda = 11.8 }]
      ·              ──┬─
      ·                ╰── no such key
      ╰────
     help: the matrix has `python`
    ");
    assert_snapshot!(spec("[{ python = 3.9 }, { python = 3.10 }]"), @r#"
     × `exclude` leaves no combination of the matrix, so there is nothing to build
      ╭─[spec.toml:4:1]
    3 │ python = "{python}"
    4 │ [matrix]
      · ────┬───
      ·     ╰── this matrix
    5 │ python = [3.9, 3.10]
      ╰────
    "#);
    assert_snapshot!(spec("[{}]"), @r"
     × this `exclude` matches no combination of the matrix
      ╭─[spec.toml:6:12]
    5 │ python = [3.9, 3.10]
    6 │ exclude = [{}]
      ·            ─┬
      ·             ╰── this item
      ╰────
     help: its values must be written as they are in the matrix
    ");
}

#[test]
fn bad_values() {
    assert_snapshot!(message("name = \"a\"\n[matrix]\npython = []\n"), @r"
     × the matrix key `python` has no values, so there is nothing to build
      ╭─[spec.toml:3:1]
    2 │ [matrix]
    3 │ python = []
      · ───┬──
      ·    ╰── here
      ╰────
     help: give it values, or remove it
    ");
    assert_snapshot!(message("name = \"a\"\n[matrix]\npython = [3.9, \"3.9\"]\n"), @r#"
     × the matrix key `python` has the value `3.9` twice
      ╭─[spec.toml:3:16]
    2 │ [matrix]
    3 │ python = [3.9, "3.9"]
      ·                ──┬──
      ·                  ╰── again
      ╰────
    "#);
    assert_snapshot!(message("name = \"a\"\n[matrix]\npython = \"3.9\"\n"), @r#"
     × `matrix.python` must be a list, but is a string
      ╭─[spec.toml:3:10]
    2 │ [matrix]
    3 │ python = "3.9"
      ·          ──┬──
      ·            ╰── here
      ╰────
    "#);
    assert_snapshot!(message("name = \"a\"\n[matrix]\npython = [true]\n"), @r"
     × `matrix.python[0]` must be a string or a number, but is a boolean
      ╭─[spec.toml:3:11]
    2 │ [matrix]
    3 │ python = [true]
      ·           ──┬─
      ·             ╰── here
      ╰────
    ");
    assert_snapshot!(message("name = \"a\"\n[matrix]\n\"py thon\" = [3.9]\n"), @r#"
     × `py thon` cannot be a matrix key: it must be a letter, then letters, digits, `_` and `-`
      ╭─[spec.toml:3:1]
    2 │ [matrix]
    3 │ "py thon" = [3.9]
      · ────┬────
      ·     ╰── here
      ╰────
    "#);
}

#[test]
fn a_matrix_that_is_too_large() {
    let values = (0..65).map(|value| value.to_string()).collect::<Vec<_>>().join(", ");
    assert_snapshot!(message(&format!("name = \"a\"\n[matrix]\na = [{values}]\nb = [{values}]\n")), @r#"
     × the matrix has more than 4096 combinations
      ╭─[spec.toml:2:1]
    1 │ name = "a"
    2 │ [matrix]
      · ────┬───
      ·     ╰── this matrix
    3 │ a = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64]
      ╰────
    "#);
}
