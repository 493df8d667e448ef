//! Images of strangers, whose texts would like to be more than texts.

use imgbuild_oci::{ContainerConfig, Platform};
use imgbuild_tests::{HandmadeLayer, Imgbuild, write_layout};

use crate::{assert_good, seen};

const SCRIPT: &str = "</script></style></title><script>alert(1)</script><img src=x onerror=alert(1)>\"'`";

fn hostile(imgbuild: &Imgbuild) -> String {
    let status = format!(
        "Package: x{SCRIPT}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1{SCRIPT}\nHomepage: javascript:alert(1)\nDescription: {SCRIPT}\n"
    );
    let record = format!(
        r#"{{"name": "y", "version": "1\u202e", "build": "0", "channel": "https://user:secret@c.example/x", "license": {}, "requested_spec": {}, "files": ["lib/a<b>\"c"]}}"#,
        serde_json::json!(SCRIPT),
        serde_json::json!(SCRIPT)
    );
    let layer = HandmadeLayer::new()
        .file("etc/os-release", format!("ID=debian\nVERSION_ID={SCRIPT}\n"))
        .file("var/lib/dpkg/status", status)
        .file("opt/conda/conda-meta/y-1-0.json", record)
        .file("opt/conda/lib/a<b>\"c", "12345")
        .file("srv/<img src=x onerror=alert(1)>/x", "a".repeat(4000))
        .tar();
    let mut config = ContainerConfig { cmd: vec![SCRIPT.to_owned()], ..ContainerConfig::default() };
    config.user = SCRIPT.to_owned();
    config.env = vec![format!("A={SCRIPT}"), "B=https://user:secret@h.example/".to_owned()];
    config.labels = [(format!("l{SCRIPT}"), SCRIPT.to_owned())].into();
    let folder = imgbuild.path("layout");
    write_layout(&folder, &[Platform::host().unwrap()], vec![layer], &config);
    folder.to_str().unwrap().to_owned()
}

#[test]
fn texts_of_strangers_are_texts() {
    let imgbuild = Imgbuild::new();
    let image = hostile(&imgbuild);
    imgbuild.run(["report", &image, "-o", "x.html"]).success();
    imgbuild.run(["catalog", &image, "-o", "all.html"]).success();
    imgbuild.run(["report", &image, &image, "-o", "both.html"]).success();
    for name in ["x.html", "all.html", "both.html"] {
        let page = imgbuild.read(name);
        for text in ["<script>alert", "<img", "href=\"javascript", "secret", "\u{202e}"] {
            assert!(!page.contains(text), "{name}: {text}");
        }
        assert_eq!(page.matches("<script>").count(), 1, "{name}");
        let policy = page.split("Content-Security-Policy\" content=\"").nth(1).unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{name}");
        assert!(!page.contains(" style=\"") && !page.contains(" onclick"), "{name}");
        assert_good(&seen(&format!("hostile-{name}"), &imgbuild.path(name), &[]), &imgbuild.path(name));
    }
    let page = imgbuild.read("x.html");
    assert!(page.contains("&lt;/script&gt;&lt;/style&gt;") && page.contains("\\u{202e}"), "{page}");
}
