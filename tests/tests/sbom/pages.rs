//! The pages of the documentation on bills of materials, and on vulnerabilities and licences: what they show is run.

use imgbuild_tests::{Imgbuild, Registry, blocks, commands, prints, shell, workspace_root};

/// What the pages take for granted: a built image, in a registry too, advisories in each of their forms, a key.
fn setting(registry: &Registry) -> Imgbuild {
    let imgbuild = Imgbuild::new();
    imgbuild.build(&super::commands::spec().replace("analysis", "paged"), &[]);
    let key = workspace_root().join("crates/signature/src/tests/keys/p256.key");
    imgbuild.write(
        "advisories/click.json",
        r#"{"id": "PYSEC-2026-1", "affected": [{"package": {"ecosystem": "PyPI", "name": "click"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "0.1"}]}]}]}"#,
    );
    imgbuild.write(
        "debian.json",
        r#"{"nothing": {"CVE-2026-1": {"releases": {"trixie": {"status": "open", "urgency": "high"}}}}}"#,
    );
    let made = format!(
        "cp out/paged-1.tar image.tar; cp {} cosign.key; python3 -m zipfile -c all.zip advisories/click.json; \
         imgbuild push paged:1 {}/team/lab:1",
        key.display(),
        registry.address()
    );
    shell(&imgbuild, &made);
    imgbuild
}

#[test]
fn what_the_pages_show_is_what_is_printed() {
    let registry = Registry::new();
    let imgbuild = setting(&registry);
    for page in ["sbom", "audit"] {
        let page = fs_err::read_to_string(workspace_root().join(format!("docs/{page}.md"))).unwrap();
        let page = page
            .replace("registry.example", registry.address())
            .replace("base-pytorch:3.11-cuda12.9", "paged:1");
        for (line, shown) in blocks(&page, "console").iter().flat_map(|console| commands(console)) {
            prints(&shell(&imgbuild, &format!("{line} 2>&1")).stdout, &shown, &line);
        }
    }
    for file in ["image.cdx.json", "image.spdx.json"] {
        assert!(imgbuild.read(file).contains("pkg:pypi/click@"), "{file}");
    }
}
