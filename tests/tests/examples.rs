//! The examples with wheels, as they are in `examples/`: from the index that the machine's own settings name, with the test
//! channel in the place of conda-forge.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;

use imgbuild_tests::{Container, Imgbuild, Output, channel, workspace_root};
use lock::{Lock, PypiPackage};
use oci::Platform;

/// Writes an example and its folder into the program's.
fn example(imgbuild: &Imgbuild, name: &str) {
    let examples = workspace_root().join("examples");
    let text = |path: &Path| fs_err::read_to_string(path).unwrap().replace("conda-forge", &channel());
    imgbuild.write("spec.toml", text(&examples.join(format!("{name}.toml"))));
    let mut folders = vec![examples.join(name)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs_err::read_dir(folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                imgbuild.write(path.strip_prefix(&examples).unwrap().to_str().unwrap(), text(&path));
            }
        }
    }
}

/// The wheels of the lock for a platform, by name.
fn wheels(lock: &Lock, platform: Platform) -> BTreeMap<&str, &PypiPackage> {
    let variant = lock.variants.iter().find(|variant| variant.platform == platform).unwrap();
    let packages = variant.pypi.as_ref().unwrap().packages.iter();
    packages
        .map(|id| lock.pypi_package(id).unwrap())
        .map(|package| (package.name.as_str(), package))
        .collect()
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
