//! What is copied.

use insta::assert_snapshot;

use super::{BASE, Bench};

#[test]
fn what_is_copied_is_looked_at_before_anything_is_fetched() {
    let bench = Bench::new();
    bench.imgbuild.write("app/.env", "TOKEN=x\n");
    bench.imgbuild.write("odd/deep/.wh.foo", "");
    let copy = |from: &str, to: &str| format!("[[copy]]\nfrom = \"{from}\"\nto = \"{to}\"\n");
    let copies = [("nowhere", "/a"), ("app", "/b"), ("odd", "/c"), ("app/.env", "/d/.wh..wh..opq")];
    let spec = format!("{BASE}{}", copies.map(|(from, to)| copy(from, to)).concat());
    let commands: [&[&str]; 2] = [&["check", "spec.toml"], &["build", "spec.toml"]];
    assert_snapshot!(bench.refuses_by(&spec, &commands), @r#"
      × `spec.toml` has 4 mistakes

    Error: 
      × `nowhere` cannot be copied
      ╰─▶ No such file or directory (os error 2)

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:4:1]
     3 │ base = { debian = "bookworm", mirror = "URL/debian" }
     4 │ [[copy]]
       · ────┬───
       ·     ╰── this is copied
     5 │ from = "nowhere"
       ╰────

    Error: 
      × `app/.env` is a file of environment variables, and is not copied into an image by accident
      help: name it in `.imgbuildignore`, or name this one file in `from` if it must be in the image

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:7:1]
     6 │ to = "/a"
     7 │ [[copy]]
       · ────┬───
       ·     ╰── this folder is copied
     8 │ from = "app"
       ╰────

    Error: 
      × `odd/deep/.wh.foo` would have a name that begins with `.wh.`, by which layers take files away, and cannot be copied

    Advice: 
      ☞ it was asked for here
        ╭─[spec.toml:10:1]
      9 │ to = "/b"
     10 │ [[copy]]
        · ────┬───
        ·     ╰── this is copied
     11 │ from = "odd"
        ╰────

    Error: 
      × `app/.env` would have a name that begins with `.wh.`, by which layers take files away, and cannot be copied

    Advice: 
      ☞ it was asked for here
        ╭─[spec.toml:13:1]
     12 │ to = "/c"
     13 │ [[copy]]
        · ────┬───
        ·     ╰── this is copied
     14 │ from = "app/.env"
        ╰────
    "#);
}
