//! The examples with wheels, as they are in `examples/`: from the index that the machine's own settings name, with the test
//! channel in the place of conda-forge, and a git server on the loopback.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use imgbuild_lock::{DirectUrlInfo, Lock, PypiPackage, PypiSource};
use imgbuild_oci::Platform;
use imgbuild_tests::{Container, Imgbuild, Output, Server, capture, channel};

/// Writes an example, with the files beside it, and the test channel in the place of conda-forge.
fn example(imgbuild: &Imgbuild, name: &str) {
    let spec = imgbuild.example(name);
    imgbuild.write("spec.toml", spec.replace("conda-forge", &channel()));
    let environment = format!("{name}/environment.yml");
    if imgbuild.path(&environment).exists() {
        let text = imgbuild.read(&environment).replace("conda-forge", &channel());
        imgbuild.write(&environment, text);
    }
}

/// The wheels of the lock for a platform, by name.
fn wheels(lock: &Lock, platform: Platform) -> BTreeMap<&str, &PypiPackage> {
    let mut variants = lock.locked_variants().unwrap().into_iter();
    let variant = variants.find(|it| it.variant.platform == platform).unwrap();
    let packages = variant.pypi.unwrap().packages.into_iter();
    packages.map(|package| (package.name.as_str(), package)).collect()
}

fn read_lock(imgbuild: &Imgbuild) -> Lock {
    Lock::parse(&imgbuild.read("spec.lock")).unwrap()
}

/// What a container of the image prints.
fn said(output: &Output, command: &[&str]) -> String {
    Container::new(&output.image()).start_with(command).success().stdout.trim_end().to_owned()
}

#[test]
fn an_environment_file_with_transformers_and_datasets() {
    let imgbuild = Imgbuild::new();
    example(&imgbuild, "transformers");
    imgbuild.run(["lock", "spec.toml"]).success();
    let lock = read_lock(&imgbuild);
    for (platform, machine) in [(Platform::LinuxAmd64, "x86_64"), (Platform::LinuxArm64, "aarch64")] {
        let wheels = wheels(&lock, platform);
        let set = lock.variants.iter().find(|it| it.platform == platform).unwrap().pypi.as_ref().unwrap();
        assert_eq!(set.requested, ["datasets", "transformers"]);
        for native in ["tokenizers", "safetensors", "pyarrow"] {
            assert!(wheels[native].filename.contains(machine), "{}", wheels[native].filename);
        }
        // What conda has is there once, also what only its own packages require.
        let wheel_of_conda = ["numpy", "pandas", "python-dateutil", "pytz", "six"]
            .into_iter()
            .find(|it| wheels.contains_key(it));
        assert_eq!(wheel_of_conda, None);
        let provided = |name: &str| set.provided.iter().any(|it| it.split(' ').next() == Some(name));
        assert!(provided("numpy") && provided("pandas"), "{:?}", set.provided);
    }
    let output = imgbuild.build_again(&["--locked", "--platform", "linux/amd64"]);
    assert_eq!(said(&output, &["pip", "check"]), "No broken requirements found.");
    let script = "import datasets, numpy; from transformers import BertConfig; \
        table = datasets.Dataset.from_dict({'text': ['a', 'b'], 'length': numpy.arange(2)}); \
        print(table.filter(lambda row: row['length'] > 0)['text'][0], BertConfig(num_hidden_layers=3).num_hidden_layers)";
    assert_eq!(said(&output, &["python", "-c", script]), "b 3");
    assert_eq!(output.image().variable("HF_HOME"), Some("/home/user/.cache/huggingface"));
}

/// A project as it stands in a repository.
const PROJECT: &str = "[build-system]\nrequires = [\"setuptools >=70\"]\nbuild-backend = \"setuptools.build_meta\"\n\
    [project]\nname = \"requests\"\nversion = \"2.32.3\"\ndependencies = [\"idna\"]\n\
    [tool.setuptools]\npy-modules = [\"requests\"]\n";

/// Makes a repository with the project at its tag, and gives the commit. What comes after the tag is not asked for.
fn repository(folder: &Path) -> String {
    let work = folder.join("work");
    fs_err::create_dir_all(&work).unwrap();
    fs_err::write(work.join("pyproject.toml"), PROJECT).unwrap();
    fs_err::write(work.join("requests.py"), "import idna\n\nanswer = 42\n").unwrap();
    let git = |folder: &Path, words: &[&str]| {
        let mut command = Command::new("git");
        command.args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.org",
            "-c",
            "init.defaultBranch=main",
        ]);
        capture(command.args(words).current_dir(folder)).success().stdout.trim().to_owned()
    };
    git(&work, &["init", "--quiet"]);
    git(&work, &["add", "."]);
    git(&work, &["commit", "--quiet", "--message", "one"]);
    git(&work, &["tag", "v2.32.3"]);
    let commit = git(&work, &["rev-parse", "HEAD"]);
    fs_err::write(work.join("requests.py"), "answer = 43\n").unwrap();
    git(&work, &["commit", "--quiet", "--all", "--message", "two"]);
    let bare = folder.join("psf/requests");
    git(folder, &["clone", "--quiet", "--bare", "work", bare.to_str().unwrap()]);
    // A server of files is one of repositories when these say what they hold.
    git(&bare, &["update-server-info"]);
    commit
}

#[test]
fn a_requirement_from_a_git_repository() {
    let imgbuild = Imgbuild::new();
    let served = imgbuild.path("served");
    let commit = repository(&served);
    let server = Server::new(&served);
    example(&imgbuild, "git-requirement");
    let spec = imgbuild.read("spec.toml");
    assert!(spec.contains("git+https://github.com/psf/requests@v2.32.3"), "{spec}");
    imgbuild.write("spec.toml", spec.replace("https://github.com", &server.url()));
    let output = imgbuild.build_again(&[]);
    let lock = read_lock(&imgbuild);
    let requests = wheels(&lock, Platform::host().unwrap())["requests"];
    let build = requests.build.as_ref().unwrap();
    assert!(
        matches!(&build.source, PypiSource::Git { commit: locked, .. } if *locked == commit),
        "{build:?}"
    );
    assert!(build.requires.iter().any(|it| it.starts_with("setuptools-")), "{build:?}");
    let origin = requests.origin.as_ref().unwrap();
    assert!(
        matches!(&origin.info, DirectUrlInfo::Vcs(vcs) if vcs.requested_revision.as_deref() == Some("v2.32.3"))
    );
    assert_eq!(said(&output, &["python", "-c", "import requests; print(requests.answer)"]), "42");
    // Once it is locked, nobody asks the repository.
    let asked = server.requests().len();
    imgbuild.build_again(&["--locked"]);
    assert_eq!(server.requests().len(), asked);
}

#[test]
fn a_local_project() {
    let imgbuild = Imgbuild::new();
    example(&imgbuild, "local-project");
    let output = imgbuild.build_again(&[]);
    let image = output.image();
    let container = Container::new(&image);
    assert_eq!(container.start().success().stdout, "   100 the\n    69 or\n    67 of\n");
    let script = "from importlib.metadata import distribution, requires; \
        print(distribution('word-count').version, requires('word-count'))";
    assert_eq!(said(&output, &["python", "-c", script]), "0.1.0 ['click>=8']");
    let lock = read_lock(&imgbuild);
    let project = wheels(&lock, Platform::host().unwrap())["word-count"];
    let source = &project.build.as_ref().unwrap().source;
    assert!(
        matches!(source, PypiSource::Folder { path, .. } if path.trim_start_matches("./") == "local-project"),
        "{source:?}"
    );
    // Another text is another wheel, when it is locked again.
    let module = "local-project/src/word_count/__init__.py";
    imgbuild.write(module, imgbuild.read(module).replace("{count:6} {word}", "{word}={count}"));
    imgbuild.run(["lock", "spec.toml"]).success();
    let again = imgbuild.build_again(&["--locked"]);
    assert_eq!(Container::new(&again.image()).start().success().stdout, "the=100\nor=69\nof=67\n");
}
