//! `imgbuild diff`.

use std::process::Command;

use imgbuild_tests::capture;
use insta::assert_snapshot;
use serde_json::Value;

use crate::sample::{IMAGE, Sample};

/// Two images that differ in a wheel, a variable and a file; the first one is in the folder `before`, the second one in `out`.
fn two() -> Sample {
    let sample = Sample::new();
    sample.spec("", "good==1.0");
    sample.build();
    let folder = sample.bench.imgbuild.path("before");
    fs_err::rename(sample.bench.imgbuild.path("out"), folder).unwrap();
    for words in
        [&["init", "--quiet"][..], &["add", "spec.lock"], &["commit", "--quiet", "--message", "first"]]
    {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b.example"]).args(words);
        capture(git.current_dir(sample.bench.imgbuild.folder())).success();
    }
    sample.bench.imgbuild.write("hello.txt", "HELLO\n");
    sample.spec("", "good==2.0");
    let spec = sample.bench.imgbuild.read("spec.toml");
    sample.bench.imgbuild.write("spec.toml", format!("{spec}\n[image]\nenv = {{ STAGE = \"two\" }}\n"));
    sample.build();
    sample
}

#[test]
fn two_images_differ_in_what_is_in_them() {
    let sample = two();
    let before = "before/x-latest.tar";
    let (code, text) = sample.ends(&["diff", before, IMAGE]);
    assert_eq!(code, Some(1));
    assert_snapshot!(text, @"
    packages
      ~ pypi/good in /opt/conda 1.0 -> 2.0 (+69 B)

    configuration
      ~ label io.github.imgbuild.lock: sha256:SHA256 -> sha256:SHA256
      + variable STAGE: two

    whoever has the first pulls 4.6 MB for the second: 3 layers, and 6 are shared
    ");
    assert_snapshot!(sample.ends(&["diff", before, IMAGE, "--files"]).1, @"
    packages
      ~ pypi/good in /opt/conda 1.0 -> 2.0 (+69 B)

    configuration
      ~ label io.github.imgbuild.lock: sha256:SHA256 -> sha256:SHA256
      + variable STAGE: two

    files
      - /opt/conda/lib/python3.11/site-packages/good-1.0.dist-info
      - /opt/conda/lib/python3.11/site-packages/good-1.0.dist-info/INSTALLER
      - /opt/conda/lib/python3.11/site-packages/good-1.0.dist-info/METADATA
      - /opt/conda/lib/python3.11/site-packages/good-1.0.dist-info/RECORD
      - /opt/conda/lib/python3.11/site-packages/good-1.0.dist-info/REQUESTED
      - /opt/conda/lib/python3.11/site-packages/good-1.0.dist-info/WHEEL
      + /opt/conda/lib/python3.11/site-packages/__pycache__
      + /opt/conda/lib/python3.11/site-packages/__pycache__/shared.cpython-311.pyc
      + /opt/conda/lib/python3.11/site-packages/good-2.0.dist-info
      + /opt/conda/lib/python3.11/site-packages/good-2.0.dist-info/INSTALLER
      + /opt/conda/lib/python3.11/site-packages/good-2.0.dist-info/METADATA
      + /opt/conda/lib/python3.11/site-packages/good-2.0.dist-info/RECORD
      + /opt/conda/lib/python3.11/site-packages/good-2.0.dist-info/REQUESTED
      + /opt/conda/lib/python3.11/site-packages/good-2.0.dist-info/WHEEL
      + /opt/conda/lib/python3.11/site-packages/shared.py
      ~ /etc/profile.d/imgbuild.sh (size)
      ~ /srv/hello.txt (content)
      ~ /usr/share/imgbuild/sbom.cdx.json (content)
      ~ /usr/share/imgbuild/spec.lock (content)

    whoever has the first pulls 4.6 MB for the second: 3 layers, and 6 are shared
    ");
    assert_snapshot!(sample.ends(&["diff", before, IMAGE, "--markdown"]).1, @"
    ### before/x-latest.tar → out/x-latest.tar

    | package | before | after | installed |
    |---|---|---|---|
    | pypi/good in /opt/conda | 1.0 | 2.0 | +69 B |

    | configuration | before | after |
    |---|---|---|
    | label io.github.imgbuild.lock | sha256:SHA256 | sha256:SHA256 |
    | variable STAGE |  | two |

    whoever has the first pulls 4.6 MB for the second: 3 layers, and 6 are shared
    ");
    let json: Value = serde_json::from_str(&sample.ends(&["diff", before, IMAGE, "--json"]).1).unwrap();
    assert_eq!(json["identical"], false);
    assert_eq!(sample.ends(&["diff", IMAGE, IMAGE]), (Some(0), "the same image, bit for bit\n".to_owned()));
}

#[test]
fn a_lock_differs_from_what_it_was() {
    let sample = two();
    let (code, text) = sample.ends(&["diff", "spec.lock@HEAD", "spec.lock"]);
    assert_eq!(code, Some(1));
    assert_snapshot!(text, @"
    latest (linux/amd64)
      ~ pypi/good in /opt/conda 1.0 -> 2.0 (+69 B)
    ");
    assert_snapshot!(sample.ends(&["diff", "spec.lock@HEAD", "spec.lock", "--markdown"]).1, @"
    ### spec.lock@&#8203;HEAD → spec.lock

    **latest (linux/amd64)**

    | package | before | after | installed |
    |---|---|---|---|
    | pypi/good in /opt/conda | 1.0 | 2.0 | +69 B |
    ");
    assert_eq!(sample.ends(&["diff", "spec.lock", "spec.lock"]), (Some(0), "the same packages\n".to_owned()));
}
