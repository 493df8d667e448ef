//! What is chosen from channels that are made of their indexes alone, and what is said where nothing can be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use imgbuild_conda::{ChannelSettings, EnvironmentError, Request, ServedChannel, Solving, virtual_packages};
use imgbuild_net::{Client, Options};
use rattler_conda_types::Subdir;
use serde_json::json;
use tempfile::TempDir;

/// Channels, each a list of packages: name, version and build, and what it depends on, comma between.
struct Channels {
    scratch: TempDir,
    served: Vec<ServedChannel>,
    solving: Solving,
}

impl Channels {
    fn new(channels: &[&[(&str, &str)]]) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let names: Vec<imgbuild_environment::ChannelName> = (0..channels.len())
            .map(|at| format!("file://{}", scratch.path().join(at.to_string()).display()).parse().unwrap())
            .collect();
        for (at, packages) in channels.iter().enumerate() {
            let folder = scratch.path().join(at.to_string());
            for subdir in ["linux-64", "noarch"] {
                let records: serde_json::Map<_, _> =
                    packages.iter().filter(|_| subdir == "linux-64").map(record).collect();
                let index =
                    json!({ "info": { "subdir": subdir }, "packages": {}, "packages.conda": records });
                std::fs::create_dir_all(folder.join(subdir)).unwrap();
                std::fs::write(folder.join(subdir).join("repodata.json"), index.to_string()).unwrap();
            }
        }
        let served = {
            let place = imgbuild_conda::ChannelLookup {
                root: scratch.path(),
                variables: &BTreeMap::new(),
                settings: &ChannelSettings::default(),
            };
            imgbuild_conda::channels(names.iter(), &BTreeMap::new(), place).unwrap()
        };
        let client = Client::new(Options { offline: false, ..Options::default() }).unwrap();
        let solving = Solving::new(&client, &served, scratch.path().join("index")).unwrap();
        Self { scratch, served, solving }
    }

    fn request(&self, specs: &[&str], cuda: Option<&str>) -> Request {
        Request {
            channels: self.served.clone(),
            specs: specs.iter().map(|spec| (*spec).to_owned()).collect(),
            pip: true,
            constraints: Vec::new(),
            subdir: Subdir::Linux64,
            virtual_packages: virtual_packages(Subdir::Linux64, Some("2.36"), cuda),
            channel_priority: imgbuild_environment::ChannelPriority::Strict,
            exclude_newer: None,
            locked: Vec::new(),
        }
    }

    /// What is chosen, or the message.
    async fn ask(&self, request: &Request) -> String {
        match self.solving.solve(request).await {
            Ok(records) => {
                let named = |it: &imgbuild_conda::Record| it.identifier.to_file_name().replace(".conda", "");
                let mut names: Vec<String> = records.iter().map(named).collect();
                names.sort();
                names.join(" ")
            }
            Err(error) => error.to_string().replace(&self.scratch.path().display().to_string(), "FOLDER"),
        }
    }

    async fn solve(&self, specs: &[&str], cuda: Option<&str>) -> String {
        self.ask(&self.request(specs, cuda)).await
    }

    async fn error(&self, specs: &[&str], cuda: Option<&str>) -> EnvironmentError {
        self.solving.solve(&self.request(specs, cuda)).await.unwrap_err()
    }
}

fn record(package: &(&str, &str)) -> (String, serde_json::Value) {
    let (package, depends) = *package;
    let parts: Vec<&str> = package.split(' ').collect();
    let [name, version, build] = parts[..] else { panic!("{package}") };
    let depends: Vec<&str> = depends.split(", ").filter(|it| !it.is_empty()).collect();
    // As conda-forge numbers builds for CUDA: they are taken where they can be.
    let number = if build.contains("cuda") { 200 } else { 0 };
    let record = json!({
        "name": name, "version": version, "build": build, "build_number": number, "depends": depends,
        "subdir": "linux-64", "sha256": "00".repeat(32), "size": 1,
    });
    (format!("{name}-{version}-{build}.conda"), record)
}

#[tokio::test]
async fn what_an_image_lacks_is_told_where_that_is_what_stands_in_the_way() {
    let channels = Channels::new(&[&[
        ("new 2.0 0", "__glibc >=2.41"),
        ("new 1.0 0", "__glibc >=2.39"),
        ("fast 1.0 0", "__archspec 1 x86_64_v3"),
        ("mac 1.0 0", "__osx >=11"),
        ("gpu 1.0 0", "__cuda >=12.4"),
        ("both 1.0 0", "new <2, gpu"),
        ("either 2.0 0", "gpu"),
        ("either 1.0 0", "new"),
        ("wants-either 1.0 0", "either"),
        ("plain 1.0 0", "__glibc >=2.17, __linux, __unix"),
        ("broken 1.0 0", "no-such-package"),
        ("python 3.11.0 0", ""),
        ("pip 25.0 0", "python"),
    ]]);
    let unmet = async |specs: &[&str], cuda: Option<&str>| match channels.error(specs, cuda).await {
        EnvironmentError::Unsolvable { unmet, .. } => {
            unmet.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
        error => panic!("{error}"),
    };
    assert_eq!(channels.solve(&["plain"], None).await, "plain-1.0-0");
    assert_eq!(unmet(&["new"], None).await, "`new-2.0-0` needs `__glibc >=2.41`, and the image has 2.36");
    assert_eq!(unmet(&["new <2"], None).await, "`new-1.0-0` needs `__glibc >=2.39`, and the image has 2.36");
    assert_eq!(unmet(&["gpu"], None).await, "`gpu-1.0-0` needs `__cuda >=12.4`, and the image has none");
    assert_eq!(
        unmet(&["gpu", "plain"], Some("11.8")).await,
        "`gpu-1.0-0` needs `__cuda >=12.4`, and the image has 11.8"
    );
    assert_eq!(
        unmet(&["both"], None).await,
        "`gpu-1.0-0` needs `__cuda >=12.4`, and the image has none\n`new-1.0-0` needs `__glibc >=2.39`, and the image has 2.36"
    );
    // Of several ways one is enough.
    assert_eq!(unmet(&["wants-either"], None).await.lines().count(), 1);
    assert_eq!(
        unmet(&["fast"], None).await,
        "`fast-1.0-0` needs `__archspec 1 x86_64_v3`, and the image has x86_64"
    );
    assert_eq!(unmet(&["mac"], None).await, "`mac-1.0-0` needs `__osx >=11`, and the image has none");
    assert_eq!(
        unmet(&["plain", "__glibc >=2.39"], None).await,
        "`__glibc >=2.39` is asked for, and the image has 2.36"
    );
    // What is not the system's fault is not put on it.
    assert_eq!(unmet(&["broken", "new"], None).await, "");
    assert_eq!(unmet(&["plain >=2"], None).await, "");
    let EnvironmentError::Unsolvable { absent, .. } = channels.error(&["mamba", "plain"], None).await else {
        panic!("there is no mamba");
    };
    assert_eq!(absent, ["mamba"]);
    insta::assert_snapshot!(channels.solve(&["new <2"], None).await, @r"
    no set of packages satisfies all requirements:
    `new-1.0-0` needs `__glibc >=2.39`, and the image has 2.36
    new <2 cannot be installed because there are no viable options:
    └─ new 1.0 would require
       └─ __glibc >=2.39, for which no candidates were found.
    ");
}

const PYTORCH: &[(&str, &str)] = &[
    ("pytorch 2.7.0 cpu_py311_0", ""),
    ("pytorch 2.7.0 cuda126_py311_300", "cuda-version >=12.6, __cuda >=12.6"),
    ("pytorch 2.5.1 cpu_py311_0", ""),
    ("pytorch 2.5.1 cuda118_py311_300", "cuda-version >=11.8, __cuda >=11.8"),
    ("pytorch-cpu 2.7.0 0", "pytorch 2.7.0 cpu_*"),
    ("cuda-version 11.8 0", ""),
    ("cuda-version 12.6 0", ""),
    ("fastai 2.8.0 0", "pytorch"),
    ("trainer 1.0 0", "pytorch >=2.6"),
    ("jaxlib 0.4.0 cpu_py311_0", ""),
    ("lightgbm 4.6.0 cpu_py311_0", ""),
    ("lightgbm 4.5.0 cuda_py311_200", "__cuda"),
    ("automl 1.0 0", "lightgbm >=4.6"),
];

#[tokio::test]
async fn an_image_for_cuda_gets_builds_that_use_it() {
    let channels = Channels::new(&[PYTORCH]);
    let chosen = async |specs: &[&str], cuda: Option<&str>| {
        let all = channels.solve(specs, cuda).await;
        all.split(' ').filter(|it| it.starts_with("pytorch-2") || it.starts_with("light")).collect::<String>()
    };
    assert_eq!(chosen(&["pytorch"], None).await, "pytorch-2.7.0-cpu_py311_0");
    assert_eq!(chosen(&["pytorch"], Some("12.6")).await, "pytorch-2.7.0-cuda126_py311_300");
    // The newest version has no build for this CUDA; an older one has.
    assert_eq!(chosen(&["pytorch"], Some("11.8")).await, "pytorch-2.5.1-cuda118_py311_300");
    assert_eq!(chosen(&["fastai"], Some("12.4")).await, "pytorch-2.5.1-cuda118_py311_300");
    assert_eq!(chosen(&["lightgbm"], Some("12.4")).await, "lightgbm-4.5.0-cuda_py311_200");
    // Who wants it for the processor says so.
    for asked in ["pytorch=*=cpu*", "pytorch-cpu"] {
        assert_eq!(chosen(&[asked], Some("12.6")).await, "pytorch-2.7.0-cpu_py311_0", "{asked}");
    }
    // What only another package requires may be for the processor, where it is no framework of this kind.
    assert_eq!(chosen(&["automl"], Some("12.4")).await, "lightgbm-4.6.0-cpu_py311_0");
}

#[tokio::test]
async fn builds_for_the_processor_in_an_image_for_cuda_are_named_with_what_excludes_the_others() {
    let channels = Channels::new(&[PYTORCH]);
    insta::assert_snapshot!(channels.solve(&["pytorch >=2.6"], Some("11.8")).await, @"
    the image has CUDA 11.8, and these packages do not use it:
    `pytorch 2.7.0 cpu_py311_0`: its build says that it is for the processor alone; for CUDA there are `2.7.0 cuda126_py311_300`, `2.5.1 cuda118_py311_300`
    `pytorch-2.7.0-cuda126_py311_300` needs `__cuda >=12.6`, and the image has 11.8
    pytorch >=2.6 cannot be installed because there are no viable options:
    └─ pytorch 2.7.0 would require
       └─ __cuda >=12.6, for which no candidates were found.
    The following packages are incompatible
    └─ pytorch >=2.6 cannot be installed because there are no viable options:
       └─ pytorch 2.7.0 is excluded because it does not use CUDA, which the image is for
    ");
    insta::assert_snapshot!(channels.solve(&["trainer"], Some("12.4")).await, @"
    the image has CUDA 12.4, and these packages do not use it:
    `pytorch 2.7.0 cpu_py311_0`: its build says that it is for the processor alone; for CUDA there are `2.7.0 cuda126_py311_300`, `2.5.1 cuda118_py311_300`
    `pytorch-2.7.0-cuda126_py311_300` needs `__cuda >=12.6`, and the image has 12.4
    The following packages are incompatible
    └─ trainer * cannot be installed because there are no viable options:
       └─ trainer 1.0 would require
          └─ pytorch >=2.6, which cannot be installed because there are no viable options:
             ├─ pytorch 2.7.0 would require
             │  └─ __cuda >=12.6, for which no candidates were found.
             └─ pytorch 2.7.0 is excluded because it does not use CUDA, which the image is for
    ");
    insta::assert_snapshot!(channels.solve(&["lightgbm >=4.6"], Some("12.4")).await, @"
    the image has CUDA 12.4, and these packages do not use it:
    `lightgbm 4.6.0 cpu_py311_0`: its build says that it is for the processor alone; for CUDA there are `4.5.0 cuda_py311_200`
    The following packages are incompatible
    └─ lightgbm >=4.6 cannot be installed because there are no viable options:
       └─ lightgbm 4.6.0 is excluded because it does not use CUDA, which the image is for
    ");
    // No channel has it for any CUDA.
    insta::assert_snapshot!(channels.solve(&["jaxlib"], Some("12.4")).await, @"
    the image has CUDA 12.4, and these packages do not use it:
    `jaxlib 0.4.0 cpu_py311_0`: its build says that it is for the processor alone; no channel has one for CUDA
    ");
    // Those for CUDA are hidden by an earlier channel.
    let channels = Channels::new(&[&[("pytorch 2.7.0 py311_0", "")], PYTORCH]);
    insta::assert_snapshot!(channels.solve(&["pytorch"], Some("12.6")).await, @"
    the image has CUDA 12.6, and these packages do not use it:
    `pytorch 2.7.0 py311_0`: it requires nothing of CUDA; for CUDA there are `2.7.0 cuda126_py311_300`, `2.5.1 cuda118_py311_300`
    The following packages are incompatible
    └─ pytorch * cannot be installed because there are no viable options:
       ├─ pytorch 2.5.1 | 2.7.0 is excluded because due to strict channel priority not using this option from: 'file://FOLDER/1/'
       └─ pytorch 2.5.1 | 2.7.0 is excluded because it does not use CUDA, which the image is for
    ");
}

#[tokio::test]
async fn pip_is_there_wherever_python_is() {
    let channels = Channels::new(&[&[
        ("python 3.13.0 0", ""),
        ("python 3.8.0 0", ""),
        ("pip 25.0 0", "python >=3.9, setuptools"),
        ("setuptools 80.0 0", "python"),
        ("setuptools 65.0 0", "python"),
        ("numpy 2.0 0", "python"),
        ("zlib 1.3 0", ""),
    ]]);
    assert_eq!(
        channels.solve(&["numpy"], None).await,
        "numpy-2.0-0 pip-25.0-0 python-3.13.0-0 setuptools-80.0-0"
    );
    assert_eq!(channels.solve(&["zlib"], None).await, "zlib-1.3-0");
    insta::assert_snapshot!(channels.solve(&["python 3.8.*"], None).await, @r#"
    an environment with Python has pip as well, and with pip no set of packages satisfies all requirements:
    pip [when="python"] cannot be installed because there are no viable options:
    └─ pip 25.0 would require
       └─ python >=3.9, for which no candidates were found.
    The following packages are incompatible
    └─ python 3.8.* can be installed with any of the following options:
       └─ python 3.8.0
    "#);
    // What it brings may have to fit what is installed later.
    let mut request = channels.request(&["zlib"], None);
    request.constraints = vec!["setuptools<70".to_owned()];
    assert_eq!(channels.ask(&request).await, "zlib-1.3-0");
    request.specs = vec!["numpy".to_owned()];
    assert_eq!(channels.ask(&request).await, "numpy-2.0-0 pip-25.0-0 python-3.13.0-0 setuptools-65.0-0");
    let mut request = channels.request(&["python 3.8.*"], None);
    request.pip = false;
    assert_eq!(channels.ask(&request).await, "python-3.8.0-0");
    // Channels of one's own need not have it.
    let without = Channels::new(&[&[("python 3.13.0 0", ""), ("zlib 1.3 0", "")]]);
    assert_eq!(without.solve(&["zlib"], None).await, "zlib-1.3-0");
    assert_eq!(without.solve(&["python"], None).await, "python-3.13.0-0");
}
