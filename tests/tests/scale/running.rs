//! What the scripts of `examples/ci` and of its page do, run as their services run them.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use imgbuild_tests::{Imgbuild, Outcome, capture, workspace_root};
use serde_json::Value;

use crate::files::{documents, read};

/// A folder of programs that only write down how they were called, before `more` of each is done.
fn programs(imgbuild: &Imgbuild, all: &[(&str, &str)]) -> String {
    for (name, more) in all {
        let script =
            format!("#!/bin/sh\necho \"{name} $*\" >> '{}'\n{more}\n", imgbuild.path("calls").display());
        let path = imgbuild.write(&format!("bin/{name}"), script);
        fs_err::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    format!("{}:{}", imgbuild.path("bin").display(), std::env::var("PATH").unwrap())
}

/// How programs were called.
fn calls(imgbuild: &Imgbuild) -> Vec<String> {
    let calls = fs_err::read_to_string(imgbuild.path("calls")).unwrap_or_default();
    calls.lines().map(str::to_owned).collect()
}

/// A repository of which a commit that is no branch's tip has a spec: where it is, and the commit.
fn repository(imgbuild: &Imgbuild) -> (PathBuf, String) {
    let folder = imgbuild.path("repository");
    imgbuild.write("repository/images/spec.toml", "name = \"a\"\n");
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b.example"]).args(arguments);
        capture(git.current_dir(&folder)).success().stdout.trim().to_owned()
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "One"]);
    let commit = git(&["rev-parse", "HEAD"]);
    git(&["rm", "--quiet", "images/spec.toml"]);
    git(&["commit", "--quiet", "--message", "Two"]);
    capture(Command::new("chown").args(["-R", "1000:100"]).arg(&folder)).success();
    (folder, commit)
}

/// The folder that a container works in. One that is not there is made for it as container runtimes do it: it is root's.
fn workplace(work: &Path, folder: &Value) -> PathBuf {
    let below = folder.as_str().unwrap().strip_prefix("/work").unwrap();
    let path = work.join(below.trim_start_matches('/'));
    if !path.exists() {
        fs_err::create_dir(&path).unwrap();
    }
    path
}

/// A script of a pod, as the user of the pods, in an empty volume of its group.
fn in_pod(imgbuild: &Imgbuild, place: &Path, script: &str, variables: &[(&str, &str)]) -> Outcome {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=1000", "--regid=100", "--clear-groups", "sh", "-c", script]);
    command.current_dir(place).env("HOME", imgbuild.path("work")).envs(variables.iter().copied());
    capture(&mut command)
}

/// An empty volume, as Kubernetes makes it for pods with `fsGroup: 100`.
fn volume(imgbuild: &Imgbuild) -> PathBuf {
    let work = imgbuild.path("work");
    fs_err::create_dir(&work).unwrap();
    capture(Command::new("chgrp").arg("100").arg(&work)).success();
    fs_err::set_permissions(&work, Permissions::from_mode(0o2777)).unwrap();
    fs_err::set_permissions(imgbuild.folder(), Permissions::from_mode(0o755)).unwrap();
    work
}

#[test]
fn jobs_of_kubernetes_check_their_source_out() {
    for file in ["examples/ci/kubernetes/job.yaml", "examples/ci/kubernetes/finish.yaml"] {
        let imgbuild = Imgbuild::with_private_store();
        let ((repository, commit), work) = (repository(&imgbuild), volume(&imgbuild));
        let (_, job) = documents(&[file]).remove(0);
        let pod = &job["spec"]["template"]["spec"];
        let source = &pod["initContainers"][0];
        let variables = [("REPOSITORY", repository.to_str().unwrap()), ("REVISION", &commit)];
        let script = source["args"][0].as_str().unwrap();
        in_pod(&imgbuild, &workplace(&work, &source["workingDir"]), script, &variables).success();
        // The next container begins when this one has ended.
        let place = workplace(&work, &pod["containers"][0]["workingDir"]);
        assert!(place.join("images/spec.toml").is_file(), "{file}");
    }
}

#[test]
fn steps_of_tekton_check_their_source_out_and_work_in_it() {
    let imgbuild = Imgbuild::with_private_store();
    let ((repository, commit), work) = (repository(&imgbuild), volume(&imgbuild));
    let (_, task) = documents(&["examples/ci/tekton/pipeline.yaml"]).remove(0);
    let common = &task["spec"]["stepTemplate"]["workingDir"];
    let steps = task["spec"]["steps"].as_array().unwrap();
    // All steps are containers of one pod: their folders are made before the first of them does anything.
    let places = steps.iter().map(|step| workplace(&work, step.get("workingDir").unwrap_or(common)));
    let places: Vec<PathBuf> = places.collect();
    let path = programs(&imgbuild, &[("imgbuild", "test -f \"$2\"")]);
    fs_err::write(imgbuild.path("calls"), "").unwrap();
    fs_err::set_permissions(imgbuild.path("calls"), Permissions::from_mode(0o666)).unwrap();
    let variables = [
        ("SOURCE", repository.to_str().unwrap()),
        ("REVISION", &commit),
        ("SPEC", "images/spec.toml"),
        ("COMMAND", "plan"),
        ("PATH", &path),
    ];
    for (step, place) in steps.iter().zip(&places) {
        in_pod(&imgbuild, place, step["script"].as_str().unwrap(), &variables).success();
    }
    assert_eq!(calls(&imgbuild), ["imgbuild matrix images/spec.toml"]);
}

#[test]
fn a_job_of_kubernetes_that_fails_ends_it() {
    let run = |ended: &str| {
        let imgbuild = Imgbuild::with_private_store();
        // It has not ended where it is asked first.
        let get = format!("[ \"$3\" != get ] || {{ [ ! -e asked ] || printf '{ended}'; touch asked; }}");
        let path = programs(&imgbuild, &[("kubectl", &get), ("sleep", "")]);
        let script = workspace_root().join("examples/ci/kubernetes/run.sh");
        let outcome = capture(Command::new(script).current_dir(imgbuild.folder()).env("PATH", path));
        let calls =
            calls(&imgbuild).into_iter().filter(|call| !call.contains(" get ") && !call.contains("sleep"));
        let folder = workspace_root().join("examples/ci/kubernetes");
        let calls = calls.map(|call| call.replace(folder.to_str().unwrap(), "."));
        (outcome.code, calls.collect::<Vec<_>>())
    };
    let build = [
        "kubectl --namespace images delete --ignore-not-found job/images-build",
        "kubectl --namespace images create --filename ./job.yaml",
    ];
    let finish = [
        "kubectl --namespace images delete --ignore-not-found job/images-finish",
        "kubectl --namespace images create --filename ./finish.yaml",
    ];
    let all = [build, finish].concat().iter().map(|call| (*call).to_owned()).collect::<Vec<_>>();
    assert_eq!(run("SuccessCriteriaMet Complete"), (Some(0), all.clone()));
    assert_eq!(run("FailureTarget Failed"), (Some(1), all[..2].to_vec()));
}

#[test]
fn only_a_lock_that_can_be_built_is_brought_in() {
    let page = read("docs/ci.md");
    let night = page.split("## Every night").nth(1).unwrap();
    let script = night.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let run = |outdated: &str, build: &str| {
        let imgbuild = Imgbuild::with_private_store();
        let answers = format!("case $1 in outdated) exit {outdated} ;; build) exit {build} ;; esac");
        let path = programs(&imgbuild, &[("imgbuild", &answers), ("git", "")]);
        let mut shell = Command::new("sh");
        let outcome = capture(shell.args(["-c", script]).current_dir(imgbuild.folder()).env("PATH", path));
        (outcome.code, calls(&imgbuild).iter().any(|call| call.starts_with("git push")))
    };
    assert_eq!(run("0", "0"), (Some(0), false));
    assert_eq!(run("3", "0"), (Some(0), true));
    assert_eq!(run("3", "1"), (Some(1), false));
    assert_eq!(run("1", "0"), (Some(1), false));
}

#[test]
fn github_names_images_in_lower_case() {
    let (_, workflow) = documents(&["examples/ci/github/images.yml"]).remove(0);
    let steps = workflow["jobs"]["plan"]["steps"].as_array().unwrap();
    let plan = steps.iter().find(|step| step["id"] == "plan").unwrap()["run"].as_str().unwrap();
    let run = |answer: &str| {
        let imgbuild = Imgbuild::with_private_store();
        let path = programs(&imgbuild, &[("imgbuild", answer)]);
        let mut shell = Command::new("bash");
        shell.args(["-e", "-c", plan]).env("PATH", path).env("SPEC", "images/spec.toml");
        shell.env("GITHUB_REPOSITORY", "Team/Images").env("GITHUB_OUTPUT", imgbuild.path("output"));
        let code = capture(shell.current_dir(imgbuild.folder())).code;
        (code, fs_err::read_to_string(imgbuild.path("output")).unwrap_or_default())
    };
    let (code, output) = run("echo '{}'");
    let output: BTreeMap<&str, &str> = output.lines().map(|line| line.split_once('=').unwrap()).collect();
    let names = ["matrix", "images", "cache"].map(|name| output[name]);
    assert_eq!((code, names), (Some(0), ["{}", "ghcr.io/team/images/images", "ghcr.io/team/images/cache"]));
    // A spec that is wrong is told here, and not by jobs without a matrix.
    assert_eq!(run("exit 1"), (Some(1), String::new()));
}

#[test]
fn what_two_machines_have_made_is_one_release() {
    let (_, workflow) = documents(&["examples/ci/github/release.yml"]).remove(0);
    let steps = workflow["jobs"]["publish"]["steps"].as_array().unwrap();
    let step = |name: &str| steps.iter().find(|step| step["name"] == name).unwrap()["run"].as_str().unwrap();
    let imgbuild = Imgbuild::with_private_store();
    for machine in ["x86_64", "aarch64"] {
        for end in [".whl", "-linux.tar.gz"] {
            imgbuild.write(&format!("dist/dist-{machine}/imgbuild-1.0-{machine}{end}"), machine);
        }
        let sum = "sha256sum * > SHA256SUMS";
        let folder = imgbuild.path(&format!("dist/dist-{machine}"));
        capture(Command::new("bash").args(["-c", sum]).current_dir(folder)).success();
    }
    let run = |name: &str, path: &str| {
        let mut shell = Command::new("bash");
        shell.args(["-e", "-c", step(name)]).current_dir(imgbuild.folder()).env("PATH", path);
        shell.envs([
            ("GITHUB_REPOSITORY", "Team/Imgbuild"),
            ("GITHUB_REF_NAME", "v1.0"),
            ("GITHUB_ACTOR", "me"),
        ]);
        capture(shell.env("PASSWORD", "secret"))
    };
    run("Gather", &std::env::var("PATH").unwrap()).success();
    let files = ["imgbuild-1.0-aarch64-linux.tar.gz", "imgbuild-1.0-aarch64.whl"];
    let files = files.into_iter().chain(["imgbuild-1.0-x86_64-linux.tar.gz", "imgbuild-1.0-x86_64.whl"]);
    let files: Vec<&str> = files.collect();
    let sums = imgbuild.read("release/SHA256SUMS");
    let summed: Vec<&str> = sums.lines().map(|line| line.split("  ").nth(1).unwrap()).collect();
    assert_eq!(summed, files);
    assert_eq!(imgbuild_tests::names(&imgbuild.path("wheels")), [files[1], files[3]]);
    // What was damaged on its way is no release.
    fs_err::create_dir_all(imgbuild.path("dist/dist-x86_64")).unwrap();
    imgbuild.write("dist/dist-x86_64/SHA256SUMS", format!("{}  gone\n", "0".repeat(64)));
    assert_ne!(run("Gather", &std::env::var("PATH").unwrap()).code, Some(0));

    // The program itself is in the tarball.
    let script = "#!/bin/sh\ncat > /dev/null\necho \"$@\" >> calls\n";
    let program = imgbuild.write("imgbuild-1.0-x86_64-linux/bin/imgbuild", script);
    fs_err::set_permissions(program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let tar = "tar -czf release/imgbuild-1.0-x86_64-linux.tar.gz imgbuild-1.0-x86_64-linux";
    capture(Command::new("bash").args(["-c", tar]).current_dir(imgbuild.folder())).success();
    run("Push the image", &std::env::var("PATH").unwrap()).success();
    assert_eq!(
        imgbuild.read("calls"),
        "login ghcr.io --user me --password-stdin\n\
         push release/imgbuild-1.0-linux-amd64.tar ghcr.io/team/imgbuild:1.0-amd64\n\
         push release/imgbuild-1.0-linux-arm64.tar ghcr.io/team/imgbuild:1.0-arm64\n\
         index create ghcr.io/team/imgbuild:1.0 ghcr.io/team/imgbuild:1.0-amd64 ghcr.io/team/imgbuild:1.0-arm64\n"
    );
}
