//! The page of the documentation on pages: what it shows is run.

use imgbuild_tests::{Bench, SUITE, blocks, channel, commands, prints, shell, workspace_root};

#[test]
fn what_the_page_shows_is_what_is_printed() {
    let page = fs_err::read_to_string(workspace_root().join("docs/report.md")).unwrap();
    let bench = Bench::new();
    let [spec] = blocks(&page, "toml").try_into().unwrap();
    let base =
        format!("debian = {SUITE:?}\nmirror = \"{}/debian\"\nkeyring = \"keyring.asc\"", bench.mirror.url());
    let spec = spec.replace(&format!("debian = {SUITE:?}"), &base).replace("conda-forge", &channel());
    bench.imgbuild.write("web.toml", spec);
    for (line, shown) in blocks(&page, "console").iter().flat_map(|console| commands(console)) {
        prints(&shell(&bench.imgbuild, &line).stdout, &shown, &line);
    }
    for page in ["web.html", "image.html", "both.html", "pages/web-1.html"] {
        assert!(bench.imgbuild.read(page).contains("Where the bytes are"), "{page}");
    }
}
