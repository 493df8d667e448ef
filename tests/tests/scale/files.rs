//! The ready files of `examples/ci`: by the schemas of those who read them, and by the program's own words.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use imgbuild_tests::{Imgbuild, Outcome, capture, node_tools, python_tools, workspace_root};
use serde_json::Value;

const FOLDER: &str = "examples/ci";

/// A program of the tools, in the root of the workspace.
pub(crate) fn tool(name: &str, arguments: &[&str]) -> Command {
    let program = python_tools("scale", "tests/tests/scale/tools.txt").join("bin").join(name);
    let mut command = Command::new(program);
    command.args(arguments).current_dir(workspace_root());
    command
}

/// The files of a folder of the workspace, and of those in it.
fn files(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(workspace_root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Those of them that end so.
fn ending(ends: &[&str]) -> Vec<String> {
    files(FOLDER).into_iter().filter(|file| ends.iter().any(|end| file.ends_with(end))).collect()
}

pub(crate) fn read(path: &str) -> String {
    fs_err::read_to_string(workspace_root().join(path)).unwrap()
}

/// The documents of YAML files.
pub(crate) fn documents(files: &[&str]) -> Vec<(String, Value)> {
    let arguments = [&["tests/tests/scale/documents.py"], files].concat();
    serde_json::from_str(&capture(&mut tool("python", &arguments)).success().stdout).unwrap()
}

fn schema(name: &str, options: &[&str], files: &[&str]) -> Outcome {
    capture(&mut tool("check-jsonschema", &[&["--builtin-schema", name], options, files].concat()))
}

#[test]
fn github_takes_its_files() {
    let (workflow, action) = ("examples/ci/github/images.yml", "examples/ci/github/action.yml");
    schema("vendor.github-workflows", &[], &[workflow]).success();
    schema("custom.github-workflows-require-timeout", &[], &[workflow]).success();
    schema("vendor.github-actions", &[], &[action]).success();
    let release = "examples/ci/github/release.yml";
    schema("vendor.github-workflows", &[], &[release]).success();
    schema("custom.github-workflows-require-timeout", &[], &[release]).success();
    let (_, workflow) = documents(&[workflow]).remove(0);
    // Nobody has a right that no job asks for, and only who pushes may write.
    assert_eq!(workflow["permissions"], serde_json::json!({}));
    let rights = |job: &str| workflow["jobs"][job]["permissions"].to_string();
    assert_eq!(rights("plan"), r#"{"contents":"read"}"#);
    for job in ["build", "finish"] {
        assert_eq!(rights(job), r#"{"contents":"read","packages":"write"}"#);
    }
    let (_, release) = documents(&[release]).remove(0);
    assert_eq!(release["permissions"], serde_json::json!({}));
    // Whoever compiles may publish nothing.
    assert_eq!(release["jobs"]["dist"]["permissions"], serde_json::json!({ "contents": "read" }));
    let rights = serde_json::json!({ "contents": "write", "packages": "write", "id-token": "write" });
    assert_eq!(release["jobs"]["publish"]["permissions"], rights);
}

#[test]
fn gitlab_takes_its_files_and_what_the_program_writes() {
    let imgbuild = Imgbuild::with_private_store();
    let spec = "name = \"a\"\ntags = [\"{x}\"]\nbase = \"scratch\"\n[matrix]\nx = [\"1\", \"2\"]\n";
    imgbuild.write("spec.toml", spec);
    let matrix = imgbuild.run(["matrix", "spec.toml", "--format", "gitlab"]).success().stdout;
    let matrix = imgbuild.write("matrix.yml", matrix);
    let mut files = ending(&[".gitlab-ci.yml"]);
    assert_eq!(files.len(), 3);
    files.push(matrix.to_str().unwrap().to_owned());
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    schema("vendor.gitlab-ci", &["--data-transform", "gitlab-ci"], &files).success();
}

#[test]
fn kubernetes_takes_its_jobs() {
    let files = [
        "examples/ci/kubernetes/job.yaml",
        "examples/ci/kubernetes/finish.yaml",
        "examples/ci/argo/account.yaml",
    ];
    capture(&mut tool("kubernetes-validate", &[&["--strict"], &files[..]].concat())).success();
    let (_, job) = documents(&files[..1]).remove(0);
    assert_eq!(job["spec"]["completionMode"], "Indexed");
    let pod = &job["spec"]["template"]["spec"];
    let count = pod["containers"][0]["env"].as_array().unwrap().iter();
    let count = count.into_iter().find(|variable| variable["name"] == "IMGBUILD_SHARD_COUNT").unwrap();
    assert_eq!(count["value"], job["spec"]["completions"].to_string());
}

#[test]
fn argo_takes_its_workflow() {
    let arguments = ["tests/tests/scale/argo.py", "examples/ci/argo/workflow.yaml"];
    capture(&mut tool("python", &arguments)).success();
}

#[test]
fn tekton_takes_its_pipeline() {
    let modules = node_tools("scale-node", "tests/tests/scale/node/package-lock.json");
    let mut lint = Command::new(modules.join(".bin/tekton-lint"));
    lint.args(["--quiet", "examples/ci/tekton/pipeline.yaml", "examples/ci/tekton/run.yaml"]);
    capture(lint.current_dir(workspace_root())).success();
}

#[test]
fn pods_have_no_more_rights_than_they_need() {
    let files = [
        "kubernetes/job.yaml",
        "kubernetes/finish.yaml",
        "tekton/pipeline.yaml",
        "tekton/run.yaml",
        "argo/workflow.yaml",
    ];
    let files = files.map(|file| format!("{FOLDER}/{file}"));
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let (mut containers, mut pods, mut unconfined) = (0, 0, Vec::new());
    for (file, document) in documents(&files) {
        each(&document, &mut |value| {
            if let Some(token) = value.get("automountServiceAccountToken") {
                assert_eq!(token, false, "{file}");
                // What a container does not say itself holds for it.
                assert_eq!(value["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{file}");
                pods += 1;
            }
            let Some(context) =
                value.get("securityContext").filter(|context| context.get("capabilities").is_some())
            else {
                return;
            };
            assert_eq!(context["allowPrivilegeEscalation"], false, "{file}");
            assert_eq!(context["capabilities"]["drop"][0], "ALL", "{file}");
            assert!(context.get("privileged").is_none(), "{file}");
            containers += 1;
            if let Some(profile) = context.get("seccompProfile") {
                assert_eq!(
                    (profile["type"].as_str(), context["procMount"].as_str()),
                    (Some("Unconfined"), Some("Unmasked"))
                );
                let place = file.trim_start_matches(FOLDER);
                unconfined.push(format!("{place}: {}", value.get("name").unwrap_or(&value["command"])));
            }
        });
    }
    assert_eq!((pods, containers), (4, 9));
    // Only what builds makes namespaces of its own.
    assert_eq!(
        unconfined,
        [
            r#"/kubernetes/job.yaml: "build""#,
            r#"/tekton/pipeline.yaml: "imgbuild""#,
            r#"/argo/workflow.yaml: ["imgbuild","build","{{workflow.parameters.spec}}"]"#
        ]
    );
}

/// Does something with every object of a document.
fn each(value: &Value, act: &mut impl FnMut(&Value)) {
    act(value);
    match value {
        Value::Object(object) => object.values().for_each(|value| each(value, act)),
        Value::Array(list) => list.iter().for_each(|value| each(value, act)),
        _ => {}
    }
}

/// Hexadecimal digits behind a mark, wherever it stands.
fn digits_behind<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.split(mark).skip(1).map(|rest| rest.chars().take_while(char::is_ascii_hexdigit).count())
}

#[test]
fn everything_from_elsewhere_is_pinned() {
    let mut pinned = 0;
    for file in files(FOLDER) {
        let text = read(&file);
        for line in text.lines().filter(|line| line.contains("uses: ") && !line.contains("uses: ./")) {
            assert!(digits_behind(line, "@").all(|digits| digits == 40), "{file}: {line}");
            pinned += 1;
        }
        for line in text.lines().filter(|line| line.contains("image: ")) {
            assert!(digits_behind(line, "@sha256:").eq([64]), "{file}: {line}");
            pinned += 1;
        }
    }
    assert!(pinned >= 12, "{pinned}");
}

#[test]
fn the_commit_that_github_installs_has_the_commands() {
    let (_, workflow) = documents(&["examples/ci/github/images.yml"]).remove(0);
    let commit = workflow["env"]["REVISION"].as_str().unwrap();
    let git = |arguments: &[&str]| {
        let said = capture(Command::new("git").args(arguments).current_dir(workspace_root()));
        said.code.filter(|code| *code == 0).map(|_| said.stdout.trim().to_owned())
    };
    // Sources without their history know of no commit.
    if git(&["rev-parse", "--is-shallow-repository"]).as_deref() != Some("false") {
        return;
    }
    for command in ["matrix", "complete"] {
        let file = format!("{commit}:crates/imgbuild/src/commands/{command}.rs");
        assert!(git(&["cat-file", "-e", &file]).is_some(), "{file}");
    }
}

/// Gives a text to a command by its standard input.
fn with_input(command: &mut Command, text: &str) -> Outcome {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn every_script_is_one() {
    let scripts = ending(&[".sh", ".sbatch"]);
    assert_eq!(scripts.len(), 4);
    let mut shellcheck = Command::new("shellcheck");
    capture(shellcheck.args(&scripts).current_dir(workspace_root())).success();

    let files = ending(&[
        "github/action.yml",
        "github/images.yml",
        "github/release.yml",
        ".gitlab-ci.yml",
        "Jenkinsfile",
        "job.yaml",
        "finish.yaml",
        "pipeline.yaml",
    ]);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let arguments = [&["tests/tests/scale/scripts.py"], &files[..]].concat();
    let found = capture(&mut tool("python", &arguments)).success().stdout;
    let found: Vec<(String, String, String)> = serde_json::from_str(&found).unwrap();
    assert!(found.len() >= 20, "{}", found.len());
    for (file, shell, text) in found {
        let mut shellcheck = Command::new("shellcheck");
        // Variables are the service's.
        let said = with_input(shellcheck.args(["--shell", &shell, "--exclude", "SC2154,SC2086", "-"]), &text);
        assert_eq!(said.code, Some(0), "{file}:\n{text}\n{}", said.stdout);
    }
}

/// The commands of the program that a text has: the command, and its options.
fn commands(text: &str) -> Vec<(String, Vec<String>)> {
    let text = text.replace("args: ", "").replace("\\\"", "\"");
    let words: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with(['#', '/']))
        .map(|line| {
            line.split(|it: char| it.is_whitespace() || "[],\"'()".contains(it))
                .filter(|word| !word.is_empty())
                .collect()
        })
        .collect();
    let mut found = Vec::new();
    for (index, line) in words.iter().enumerate() {
        let Some(place) = line.iter().position(|word| *word == "imgbuild") else { continue };
        let Some(command) =
            line.get(place + 1).filter(|it| ["matrix", "build", "push", "login"].contains(*it))
        else {
            continue;
        };
        let rest = line[place..]
            .iter()
            .chain(words.get(index + 1).into_iter().flatten().filter(|_| line.contains(&"command:")));
        let options = rest.filter(|word| word.starts_with("--")).map(|word| (*word).to_owned());
        found.push(((*command).to_owned(), options.collect()));
    }
    found
}

#[test]
fn every_command_is_one_of_the_program() {
    let imgbuild = Imgbuild::new();
    let help = |arguments: &[&str]| imgbuild.run([arguments, &["--help"]].concat()).success().stdout;
    let mut used = std::collections::BTreeSet::new();
    for file in files(FOLDER) {
        for (command, options) in commands(&read(&file)) {
            used.extend(std::iter::once(command.clone()).chain(options.iter().cloned()));
            let help = help(&[&command]);
            for option in &options {
                let is_there =
                    help.split(|it: char| it.is_whitespace() || it == ',').any(|word| word == option);
                assert!(is_there, "{file}: {command} {option}");
            }
        }
    }
    let used: Vec<&str> = used.iter().map(String::as_str).collect();
    for word in [
        "matrix",
        "build",
        "push",
        "login",
        "--push",
        "--cache-to",
        "--shard",
        "--complete",
        "--password-stdin",
    ] {
        assert!(used.contains(&word), "{word}: {used:?}");
    }
}

#[test]
fn jenkins_blocks_are_closed() {
    let file = read("examples/ci/jenkins/Jenkinsfile");
    let mut depth = 0_i32;
    for character in file.chars() {
        depth += i32::from(character == '{') - i32::from(character == '}');
        assert!(depth >= 0);
    }
    assert_eq!(depth, 0);
    for block in [
        "pipeline {",
        "agent",
        "stages {",
        "matrix {",
        "axes {",
        "credentials('registry')",
        "retry(count: 3, conditions: [agent()])",
    ] {
        assert!(file.contains(block), "{block}");
    }
}

#[test]
fn the_image_of_the_jobs_is_one() {
    let imgbuild = Imgbuild::with_private_store();
    imgbuild.write("spec.toml", read("examples/ci/image/imgbuild.toml"));
    let program: PathBuf = imgbuild.command(["--version"]).get_program().into();
    fs_err::copy(Path::new(&program), imgbuild.path("imgbuild")).unwrap();
    imgbuild.run(["check", "spec.toml"]).success();
}
