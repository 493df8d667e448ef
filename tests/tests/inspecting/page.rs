//! The page of the documentation on looking into images: what it shows is run.

use imgbuild_tests::{Bench, SUITE, blocks, channel, commands, prints, shell, workspace_root};

/// The part of the page that is about a second image, whose spec lacks a package.
const CHANGED: &str = "\n## What changed\n";

#[test]
fn what_the_page_shows_is_what_is_printed() {
    let page = fs_err::read_to_string(workspace_root().join("docs/inspect.md")).unwrap();
    let (first, second) = page.split_once(CHANGED).unwrap();
    let bench = Bench::new();
    let [spec] = blocks(first, "toml").try_into().unwrap();
    let base =
        format!("debian = {SUITE:?}\nmirror = \"{}/debian\"\nkeyring = \"keyring.asc\"", bench.mirror.url());
    let spec = spec.replace(&format!("debian = {SUITE:?}"), &base).replace("conda-forge", &channel());
    build(&bench, &spec);
    run(&bench, first);
    build(&bench, &spec.replace(", \"pyyaml\"", "").replace("[\"1\"]", "[\"2\"]"));
    run(&bench, second);
}

fn build(bench: &Bench, spec: &str) {
    bench.imgbuild.write("web.toml", spec);
    shell(&bench.imgbuild, "imgbuild build web.toml --quiet");
}

fn run(bench: &Bench, part: &str) {
    for (line, shown) in blocks(part, "console").iter().flat_map(|console| commands(console)) {
        // It tells by its exit code that the two differ.
        let ends = if line.starts_with("imgbuild diff") { "; test $? = 1" } else { "" };
        prints(&shell(&bench.imgbuild, &format!("{line}{ends}")).stdout, &shown, &line);
    }
}
