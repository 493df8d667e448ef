//! The schema and the reference page are made of the types, and what the documentation shows is true.

use serde_json::Value;

use crate::tests::load;
use crate::{reference, schema};

/// The examples of a page or of doc comments.
fn examples(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        let line = line.strip_prefix("//! ").or_else(|| line.strip_prefix("/// ")).unwrap_or(line);
        match (&mut open, line.trim()) {
            (None, "```toml") => open = Some(String::new()),
            (Some(_), "```") => found.extend(open.take()),
            (Some(example), _) => {
                example.push_str(line.trim_start_matches("//!"));
                example.push('\n');
            }
            (None, _) => {}
        }
    }
    found
}

/// An example as a whole spec: with a name, with the keys its templates need, and with the files it names.
fn whole(example: &str) -> String {
    let has =
        |key: &str| example.lines().any(|line| line.split('=').next().unwrap_or_default().trim() == key);
    let names = has("name") && !example.starts_with('[');
    let mut text = if names { String::new() } else { "name = \"example\"\n".to_owned() };
    let needs_python = ["[pip", "jupyter", "[cuda]"].iter().any(|it| example.contains(it));
    if needs_python && !has("python") {
        text.push_str("python = \"3.11\"\n");
    }
    if example.contains("[matrix]") && !example.contains('{') || !example.contains("[matrix]") {
        text.push_str(example);
    } else {
        // The examples of the reference stand alone: what they define must be used for a spec to be whole.
        if !has("tags") {
            text.push_str("tags = [\"{python}-{cuda}\"]\n");
        }
        text.push_str(example);
    }
    if !example.contains("[matrix]") && example.contains("{python}") {
        text.push_str("[matrix]\npython = [3.11]\ncuda = [11.8]\n");
    }
    if example.contains("[licenses]") && !has("allow") {
        text.push_str("allow = [\"MIT\"]\n");
    }
    if example.contains("[[copy]]") {
        if !has("from") {
            text.push_str("from = \"src\"\n");
        }
        if !has("to") {
            text.push_str("to = \"/src\"\n");
        }
    }
    if example.contains("[[check]]") && !has("run") {
        text.push_str("run = [\"true\"]\n");
    }
    if example.contains("[env]") && !has("file") {
        let file = if has("categories") { "conda-lock.yml" } else { "pixi.lock" };
        text.push_str(&format!("file = \"{file}\"\n"));
    }
    for (key, more) in [
        ("certfile", "keyfile = \"/etc/tls/tls.key\"\n"),
        ("keyfile", "certfile = \"/etc/tls/tls.crt\"\n"),
        ("hub-version", "profile = \"hub\"\n"),
    ] {
        text.push_str(if has(key) { more } else { "" });
    }
    if example.contains("[pip]") && (has("extras") || has("groups")) {
        text.push_str("requirements = \"uv.lock\"\n");
    }
    if example.contains("[python]") && !has("version") {
        text.push_str("version = \"3.11\"\n");
    }
    if example.contains("[envs.NAME]") && !has("python") && !has("env") && !has("packages") {
        text.push_str("python = \"3.11\"\n");
    }
    if example.contains("[conda]") && has("environment") {
        text.push_str("packages = [\"numpy\"]\n");
    }
    if example.contains("[envs.NAME.pip]") {
        text.push_str("[envs.NAME]\npython = \"3.11\"\n");
    }
    if has("verify") {
        text.push_str("image = \"registry.example/team/base:1\"\n");
    }
    if has("default-env") {
        text.push_str("[envs.training]\npython = \"3.11\"\n");
    }
    if example.contains("[cuda]") && !has("version") {
        text.push_str("version = \"12.9\"\n");
    }
    text
}

/// What the examples of `env` choose from.
const PIXI: &str = "\
version: 7
platforms: [{ name: linux-64-cuda, subdir: linux-64 }]
environments:
  default: { channels: [], packages: { linux-64-cuda: [{ conda: 'https://c.example/noarch/a-1-0.conda' }] } }
  gpu: { channels: [], packages: { linux-64-cuda: [{ conda: 'https://c.example/noarch/a-1-0.conda' }] } }
packages: [{ conda: 'https://c.example/noarch/a-1-0.conda' }]
";

const CONDA_LOCK: &str = "\
version: 1
metadata: { channels: [], platforms: [linux-64] }
package:
  - { name: a, manager: conda, platform: linux-64, url: https://c.example/noarch/a-1-0.conda, hash: {} }
";

#[test]
fn every_example_is_a_spec() {
    let page = reference();
    let found = [examples(&page), examples(include_str!("../lib.rs"))].concat();
    assert!(found.len() > 30, "{} examples", found.len());
    for example in found {
        let text = whole(&example);
        let files = [
            ("spec.toml", text.as_str()),
            ("environment.yml", "dependencies: [numpy]\n"),
            ("pixi.lock", PIXI),
            ("conda-lock.yml", CONDA_LOCK),
            ("requirements.txt", "six\n"),
            ("uv.lock", "version = 1\n"),
            ("constraints.txt", "six==1.16.0\n"),
        ];
        if let Err(error) = load(&files) {
            panic!("{}\n{text}", super::render(&error));
        }
    }
}

#[test]
fn the_examples_of_the_repository_are_specs() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let specs: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == "toml")).collect();
    assert!(specs.len() > 4, "{specs:?}");
    for path in specs {
        let variants =
            crate::Spec::load(&path).and_then(|spec| spec.variants(imgbuild_oci::Platform::LinuxAmd64));
        assert!(variants.is_ok_and(|variants| !variants.is_empty()), "{}", path.display());
    }
}

#[test]
fn every_key_is_described_and_has_an_example_or_keys_of_its_own() {
    fn check(path: &str, schema: &Value) {
        let Some(properties) = schema["properties"].as_object() else {
            for inner in ["anyOf", "oneOf"].iter().filter_map(|key| schema[*key].as_array()).flatten() {
                check(path, inner);
            }
            return check_items(path, schema);
        };
        if path != ".matrix" {
            assert_eq!(schema["additionalProperties"], false, "{path}");
        }
        for (key, property) in properties {
            let path = format!("{path}.{key}");
            assert!(property["description"].as_str().is_some_and(|text| text.ends_with('.')), "{path}");
            check(&path, property);
        }
    }
    fn check_items(path: &str, schema: &Value) {
        if schema["items"].is_object() {
            check(path, &schema["items"]);
        }
    }
    check("", &schema());
}

#[test]
fn the_schema_is_the_one_that_editors_know() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["required"], serde_json::json!(["name"]));
    assert!(!schema.to_string().contains("\"null\""), "TOML has no null");
    let suites = &schema["properties"]["base"]["anyOf"][1]["properties"]["debian"]["oneOf"];
    assert_eq!(suites[1]["const"], "trixie");
    assert_eq!(suites[2]["pattern"], "\\{", "a template may stand for a word");
    assert_eq!(schema["properties"]["layers"]["properties"]["budget"]["default"], 40);
}

#[test]
fn the_reference_shows_type_default_and_example() {
    let page = reference();
    let start = page.find("### `conda.manager`").unwrap();
    let end = start + page[start..].find("### `conda.mirrors`").unwrap();
    insta::assert_snapshot!(&page[start..end], @r#"
    ### `conda.manager`

    The program to change the environment with, inside the running image.

    * Type: string
    * Default: `"none"`
    * `"none"`: None.
    * `"conda"`: The program `conda`.
    * `"mamba"`: The program `mamba`.
    * `"micromamba"`: The program `micromamba`.

    ```toml
    [conda]
    manager = "micromamba"
    ```
    "#);
}
