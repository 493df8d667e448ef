//! The images that platform teams keep (`images/`): each is a right spec, and is locked, built, checked, held against the platforms
//! that it names, and run; with the test channel for conda-forge, and what `substitutions.toml` says for what that lacks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};

use imgbuild_tests::{Imgbuild, Output, Run, channel, connected, get, port, workspace_root};
use toml::{Table, Value};

/// A test for each image, and their names.
macro_rules! images {
    ($($test:ident $name:literal)+) => {
        const IMAGES: &[&str] = &[$($name),+];
        $(#[test] fn $test() { tried($name); })+
    };
}

images! {
    ai_dev "ai-dev"
    ai_dev_wheels "ai-dev-wheels"
    base_jax "base-jax"
    base_jax_wheels "base-jax-wheels"
    base_pytorch "base-pytorch"
    base_pytorch_wheels "base-pytorch-wheels"
    base_tensorflow "base-tensorflow"
    base_tensorflow_wheels "base-tensorflow-wheels"
    miniconda "miniconda"
    pytorch_serve_wheels "pytorch-serve-wheels"
    teaching "teaching"
    teaching_wheels "teaching-wheels"
    workbench "workbench"
    workbench_wheels "workbench-wheels"
}

/// What is tried of it beyond [`tried`].
const WITH_MORE: [&str; 1] = ["pytorch-serve"];

#[test]
fn every_image_is_tried_and_has_a_line() {
    let folder = workspace_root().join("images");
    let readme = fs_err::read_to_string(folder.join("README.md")).unwrap();
    let names: BTreeSet<String> = fs_err::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".toml")?.to_owned()))
        .collect();
    let tried: BTreeSet<String> = IMAGES.iter().chain(&WITH_MORE).map(|name| (*name).to_owned()).collect();
    assert_eq!(names, tried);
    for name in names {
        let lines =
            readme.lines().filter(|line| line.starts_with(&format!("| [{name}]({name}.toml) |"))).count();
        assert_eq!(lines, 1, "{name}");
        let spec = fs_err::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
        let spec: Table = spec.parse().unwrap();
        assert_eq!(spec["name"].as_str(), Some(name.as_str()));
        assert!(spec.contains_key("check") && spec.contains_key("conform"), "{name}");
    }
}

/// Checks an image as it is, and builds what can be built of it here.
fn tried(name: &str) -> Option<(Imgbuild, Output)> {
    let imgbuild = Imgbuild::new();
    let text = imgbuild.maintained(name);
    imgbuild.write("spec.toml", &text);
    imgbuild.run(["check", "spec.toml"]).success();
    let spec = substituted(name, text.parse().unwrap())?;
    let output = imgbuild.build(&spec.to_string(), &[]);
    for check in
        output.report["images"].as_array().unwrap().iter().flat_map(|it| it["checks"].as_array().unwrap())
    {
        // Which version a hub has, only the hub knows.
        let is_known = check["skipped"].as_str().is_none_or(|why| why.contains("only the hub knows"));
        assert!(is_known, "{name}: {check}");
    }
    Some((imgbuild, output))
}

/// The spec with what can be had here; none where that would be too large.
fn substituted(name: &str, mut spec: Table) -> Option<Table> {
    let table: Table = include_str!("substitutions.toml").parse().unwrap();
    // Others are built without being run, which other tests do.
    spec.insert("platforms".to_owned(), vec!["linux/amd64".to_owned()].into());
    let mut wheels = packages(&spec, "pip");
    let large: Vec<String> = table["large-wheels"].clone().try_into().unwrap();
    if wheels.iter().any(|wheel| large.contains(&project(wheel))) {
        return None;
    }
    if let Some(part) = table["matrix"].get(name) {
        spec.insert("matrix".to_owned(), part.clone());
    }
    let Some(conda) = spec.get_mut("conda").and_then(Value::as_table_mut) else { return Some(spec) };
    conda.insert("channels".to_owned(), vec![channel()].into());
    let (others, kept) = packages(&spec, "conda")
        .into_iter()
        .partition::<Vec<_>, _>(|package| table["wheels"].get(project(package)).is_some());
    put(&mut spec, "conda", kept);
    wheels.extend(others.iter().map(|it| table["wheels"][&project(it)].as_str().unwrap().to_owned()));
    if !wheels.is_empty() {
        put(&mut spec, "pip", wheels);
    }
    let python = table["python"].as_str().unwrap();
    match spec.get_mut("matrix").and_then(|matrix| matrix.get_mut("python")) {
        Some(versions) => {
            let asked: Vec<String> = versions.clone().try_into().unwrap();
            assert!(asked.iter().any(|it| it == python), "{asked:?}");
            *versions = vec![python.to_owned()].into();
        }
        None => drop(spec.insert("python".to_owned(), python.into())),
    }
    for environment in spec.get_mut("envs").and_then(Value::as_table_mut).into_iter().flatten() {
        environment.1.as_table_mut().unwrap().insert("python".to_owned(), python.into());
    }
    Some(spec)
}

/// What a section asks for.
fn packages(spec: &Table, section: &str) -> Vec<String> {
    let packages = spec.get(section).and_then(|it| it.get("packages"));
    packages.map(|it| it.clone().try_into().unwrap()).unwrap_or_default()
}

fn put(spec: &mut Table, section: &str, packages: Vec<String>) {
    let section = spec.entry(section).or_insert_with(|| Table::new().into());
    section.as_table_mut().unwrap().insert("packages".to_owned(), packages.into());
}

/// What a requirement is of.
fn project(requirement: &str) -> String {
    requirement.split(' ').next().unwrap().to_owned()
}

#[test]
fn pytorch_serve() {
    let (imgbuild, output) = tried("pytorch-serve").unwrap();
    let config = output.image().config;
    assert_eq!(config.config.healthcheck.unwrap().test, ["CMD", "python", "/app/health.py"]);
    let port = port();
    let words = ["run", "--publish", &format!("{port}:8000"), "pytorch-serve"];
    let (server, _) = Run::until(&imgbuild, &words, "Uvicorn running on");
    assert_eq!(get(&port, "/healthz"), (200, r#"{"status":"ok","device":"cpu"}"#.to_owned()));
    let mut asked = connected(&port);
    let body = "[2, 0, 4]";
    write!(
        asked,
        "POST /predict HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    asked.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("\r\n[3.0]"), "{answer}");
    drop(server);
}
