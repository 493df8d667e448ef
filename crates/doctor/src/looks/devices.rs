//! GPUs, and the files that describe them for containers (CDI). A machine without any is no fault.

use std::path::{Path, PathBuf};

use imgbuild_cdi::Specs;

use crate::finding::{Area, Finding, Verdict};
use crate::surroundings::text;

/// Looks at the devices and at the files that describe them below `root`.
pub(crate) fn look(root: &Path) -> Vec<Finding> {
    let cards = cards(root);
    let has_any = cards.verdict == Verdict::Fine;
    vec![cards, described(root, has_any)]
}

/// The names of the entries of a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

fn cards(root: &Path) -> Finding {
    let told = |verdict, found: String| Finding::new(Area::Devices, "GPUs", verdict, found);
    let is_card = |name: &String| {
        name.strip_prefix("nvidia")
            .is_some_and(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()))
    };
    let devices = names(&root.join("dev"));
    let mut found: Vec<String> =
        devices.iter().filter(|name| is_card(name)).map(|name| format!("`/dev/{name}`")).collect();
    if devices.iter().any(|name| name == "kfd") {
        found.push("`/dev/kfd`".to_owned());
    }
    let driver = text(root, "proc/driver/nvidia/version");
    let driver = driver.as_deref().and_then(|text| text.lines().next()).and_then(driver_version);
    let driver = driver.map(|version| format!("NVIDIA's driver {version}"));
    match (found.is_empty(), driver) {
        (false, driver) => {
            found.extend(driver);
            told(Verdict::Fine, found.join(", "))
        }
        (true, Some(driver)) => {
            told(Verdict::Wrong, format!("{driver} is loaded, and there is no `/dev/nvidia0`"))
                .remedy("`nvidia-smi` makes its devices; in a container, it must be given them")
        }
        (true, None) => {
            told(Verdict::Missing, "there is none, and images for CUDA are built all the same".to_owned())
        }
    }
}

/// The version in the first line of the driver's own file: `NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  …`.
fn driver_version(line: &str) -> Option<&str> {
    line.split_whitespace()
        .find(|word| word.contains('.') && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

fn described(root: &Path, has_any: bool) -> Finding {
    let what = "CDI";
    let folders: Vec<PathBuf> =
        imgbuild_cdi::FOLDERS.iter().map(|folder| root.join(folder.trim_start_matches('/'))).collect();
    let wrong = |error: &dyn miette::Diagnostic| {
        let told = Finding::of(Area::Devices, what, error);
        if told.remedies.is_empty() {
            told.remedy("correct the file, or take it away: `nvidia-ctk cdi generate` writes NVIDIA's anew")
        } else {
            told
        }
    };
    let specs = match Specs::read(&folders) {
        Ok(specs) => specs,
        Err(error) => return wrong(&error),
    };
    let names = match specs.names() {
        Ok(names) if names.is_empty() => {
            let missing = "no file describes devices, so that `imgbuild run --gpu` has none to give";
            let told = Finding::new(Area::Devices, what, Verdict::Missing, missing);
            let remedy = "with NVIDIA's container toolkit, `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml` writes one";
            return if has_any { told.remedy(remedy) } else { told };
        }
        Ok(names) => names,
        Err(error) => return wrong(&error),
    };
    // What a file names must be there, or no command has it.
    if let Some(error) = names.iter().find_map(|name| specs.devices(name).err()) {
        return wrong(&error);
    }
    let shown: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    Finding::new(Area::Devices, what, Verdict::Fine, shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::looks::shown;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text.replace("ROOT", &root.path().display().to_string())).unwrap();
        }
        root
    }

    fn looked(root: &tempfile::TempDir) -> String {
        shown(&look(root.path())).replace(&root.path().display().to_string(), "ROOT")
    }

    const DRIVER: (&str, &str) = (
        "proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC version: 12.2.0\n",
    );

    fn cdi(device: &str) -> String {
        format!(
            "{{\"cdiVersion\":\"0.5.0\",\"kind\":\"nvidia.com/gpu\",\"devices\":[{{\"name\":\"0\",\"containerEdits\":{{\"deviceNodes\":[{{\"path\":\"/dev/nvidia0\",\"hostPath\":\"ROOT/dev/{device}\"}}]}}}}]}}"
        )
    }

    #[test]
    fn a_machine_without_any() {
        insta::assert_snapshot!(looked(&machine(&[])), @"
        missing GPUs: there is none, and images for CUDA are built all the same
        missing CDI: no file describes devices, so that `imgbuild run --gpu` has none to give
        ");
    }

    #[test]
    fn one_that_is_described() {
        let spec = cdi("nvidia0");
        let files = [DRIVER, ("dev/nvidia0", ""), ("dev/nvidiactl", ""), ("etc/cdi/n.json", spec.as_str())];
        insta::assert_snapshot!(looked(&machine(&files)), @"
        fine GPUs: `/dev/nvidia0`, NVIDIA's driver 550.54.15
        fine CDI: `nvidia.com/gpu=0`
        ");
    }

    #[test]
    fn one_that_is_not_described_or_not_as_it_is() {
        insta::assert_snapshot!(looked(&machine(&[DRIVER, ("dev/nvidia0", "")])), @"
        fine GPUs: `/dev/nvidia0`, NVIDIA's driver 550.54.15
        missing CDI: no file describes devices, so that `imgbuild run --gpu` has none to give
          -> with NVIDIA's container toolkit, `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml` writes one
        ");
        let spec = cdi("nvidia7");
        let stale = [DRIVER, ("dev/nvidia0", ""), ("var/run/cdi/n.json", spec.as_str())];
        insta::assert_snapshot!(looked(&machine(&stale)), @"
        fine GPUs: `/dev/nvidia0`, NVIDIA's driver 550.54.15
        wrong CDI: `ROOT/dev/nvidia7` is named by `ROOT/var/run/cdi/n.json`, and is not there
          -> the driver was changed, or is not loaded: `nvidia-smi` loads it, and `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml` describes it anew
        ");
        let damaged = [("dev/nvidia0", ""), ("etc/cdi/n.json", "{")];
        insta::assert_snapshot!(looked(&machine(&damaged)), @"
        fine GPUs: `/dev/nvidia0`
        wrong CDI: `ROOT/etc/cdi/n.json` does not describe devices: EOF while parsing an object at line 1 column 1
          -> correct the file, or take it away: `nvidia-ctk cdi generate` writes NVIDIA's anew
        ");
        insta::assert_snapshot!(looked(&machine(&[DRIVER])), @"
        wrong GPUs: NVIDIA's driver 550.54.15 is loaded, and there is no `/dev/nvidia0`
          -> `nvidia-smi` makes its devices; in a container, it must be given them
        missing CDI: no file describes devices, so that `imgbuild run --gpu` has none to give
        ");
    }
}
