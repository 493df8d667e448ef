//! What is chosen from channels that are made of their indexes alone, and what is said where nothing can be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use imgbuild_conda::{
    ChannelSettings, CudaLine, EnvironmentError, Request, ServedChannel, Solving, virtual_packages,
};
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

    /// `cuda` is what the driver supports, and the line that is asked for.
    fn request(&self, specs: &[&str], cuda: Option<&str>) -> Request {
        let line = cuda.map(|cuda| {
            let (major, minor) = cuda.split_once('.').unwrap();
            CudaLine { major: major.parse().unwrap(), minor: minor.parse().unwrap() }
        });
        Request {
            cuda: line,
            channels: self.served.clone(),
            specs: specs.iter().map(|spec| (*spec).to_owned()).collect(),
            pip: true,
            constraints: Vec::new(),
            subdir: Subdir::Linux64,
            virtual_packages: virtual_packages(Subdir::Linux64, Some("2.36"), cuda.map(|it| (it, None))),
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
        "`gpu-1.0-0` needs `__cuda >=12.4`, and the image's oldest driver supports CUDA 11.8"
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
    assert_eq!(*absent, ["mamba"]);
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
    // What only another package requires may be for the processor, where it is no framework of this kind.
    assert_eq!(chosen(&["automl"], Some("12.4")).await, "lightgbm-4.6.0-cpu_py311_0");
}

#[tokio::test]
async fn builds_for_the_processor_in_an_image_for_cuda_are_named_with_what_excludes_the_others() {
    let channels = Channels::new(&[PYTORCH]);
    insta::assert_snapshot!(channels.solve(&["pytorch >=2.6"], Some("11.8")).await, @r"
    the image has CUDA 11.8, and these packages do not use it:
    `pytorch 2.7.0 cpu_py311_0`: its build says that it is for the processor alone; for CUDA there are `2.7.0 cuda126_py311_300`, `2.5.1 cuda118_py311_300`
    no channel has a build of `pytorch` for CUDA 11; the nearest: `2.7.0 cuda126_py311_300` for CUDA 12.6 and Python 3.11
    pytorch >=2.6 cannot be installed because there are no viable options:
    └─ pytorch 2.7.0 would require
       └─ __cuda >=12.6, for which no candidates were found.
    The following packages are incompatible
    └─ pytorch >=2.6 cannot be installed because there are no viable options:
       └─ pytorch 2.7.0 is excluded because it does not use CUDA, which the image is for
    ");
    insta::assert_snapshot!(channels.solve(&["trainer"], Some("12.4")).await, @r"
    the image has CUDA 12.4, and these packages do not use it:
    `pytorch 2.7.0 cpu_py311_0`: its build says that it is for the processor alone; for CUDA there are `2.7.0 cuda126_py311_300`, `2.5.1 cuda118_py311_300`
    `pytorch-2.7.0-cuda126_py311_300` needs `__cuda >=12.6`, and the image's oldest driver supports CUDA 12.4
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
async fn a_framework_that_is_forced_to_its_build_for_the_processor_is_told_with_what_forces_it() {
    let channels = Channels::new(&[PYTORCH, &[("forecast 1.0 0", "pytorch-cpu >=2.7")]]);
    insta::assert_snapshot!(channels.solve(&["pytorch=*=cpu*"], Some("12.6")).await, @r"
    the image has CUDA 12.6, and these packages do not use it:
    `pytorch 2.7.0 cpu_py311_0`: its build says that it is for the processor alone; `pytorch=*=cpu*` asks for that; for CUDA there are `2.7.0 cuda126_py311_300`, `2.5.1 cuda118_py311_300`
    The following packages are incompatible
    └─ pytorch * cpu* cannot be installed because there are no viable options:
       └─ pytorch 2.5.1 | 2.7.0 is excluded because it does not use CUDA, which the image is for
    ");
    insta::assert_snapshot!(channels.solve(&["pytorch-cpu"], Some("12.6")).await, @r"
    the image has CUDA 12.6, and these packages do not use it:
    `pytorch 2.7.0 cpu_py311_0`: its build says that it is for the processor alone; `pytorch-cpu` asks for that; for CUDA there are `2.7.0 cuda126_py311_300`, `2.5.1 cuda118_py311_300`
    The following packages are incompatible
    └─ pytorch-cpu * cannot be installed because there are no viable options:
       └─ pytorch-cpu 2.7.0 would require
          └─ pytorch ==2.7.0 cpu_*, which cannot be installed because there are no viable options:
             └─ pytorch 2.7.0 is excluded because it does not use CUDA, which the image is for
    ");
    insta::assert_snapshot!(channels.solve(&["forecast"], Some("12.6")).await, @r"
    the image has CUDA 12.6, and these packages do not use it:
    `pytorch 2.7.0 cpu_py311_0`: its build says that it is for the processor alone; `forecast-1.0-0` requires `pytorch-cpu >=2.7`; for CUDA there are `2.7.0 cuda126_py311_300`, `2.5.1 cuda118_py311_300`
    The following packages are incompatible
    └─ forecast * cannot be installed because there are no viable options:
       └─ forecast 1.0 would require
          └─ pytorch-cpu >=2.7, which cannot be installed because there are no viable options:
             └─ pytorch-cpu 2.7.0 would require
                └─ pytorch ==2.7.0 cpu_*, which cannot be installed because there are no viable options:
                   └─ pytorch 2.7.0 is excluded because it does not use CUDA, which the image is for
    ");
}

/// Builds as conda-forge has them: each requires a line of the toolkit, and a driver of any kind.
const LINES: &[(&str, &str)] = &[
    ("python 3.9.0 0", ""),
    ("python 3.11.0 0", ""),
    ("pip 25.0 0", "python"),
    ("cuda-version 11.8 0", ""),
    ("cuda-version 12.4 0", "__cuda >=12"),
    ("cuda-version 12.9 0", "__cuda >=12"),
    ("cuda-version 13.0 0", "__cuda >=13"),
    ("pytorch 2.7.0 cuda129_mkl_py311_h0_300", "__cuda, cuda-version >=12.9,<13, python >=3.11,<3.12"),
    ("pytorch 2.7.0 cuda130_mkl_py311_h0_300", "__cuda, cuda-version >=13.0,<14, python >=3.11,<3.12"),
    ("pytorch 2.4.1 cuda118_py39_200", "__cuda, cuda-version >=11.8,<12, python >=3.9,<3.10"),
    ("pytorch 2.4.1 cuda118_py311_200", "__cuda, cuda-version >=11.8,<12, python >=3.11,<3.12"),
    ("pytorch 2.4.1 cuda124_py311_200", "__cuda, cuda-version >=12.4,<13, python >=3.11,<3.12"),
    ("pytorch 2.4.1 cpu_py39_0", "python >=3.9,<3.10"),
    ("pytorch-gpu 2.7.0 cuda129_0", "pytorch 2.7.0 cuda129*"),
    ("fused 2.0 0", "__cuda_arch >=9.0"),
    ("fused 1.0 0", "__cuda_arch >=8.0"),
    ("cuda-runtime 12.4.1 0", "cuda-version >=12.4,<12.5"),
    ("cuda-runtime 12.9.1 0", "cuda-version >=12.9,<12.10"),
    // The channel that PyTorch had.
    ("torchaudio 2.4.1 py311_cu124", "pytorch-cuda 12.4.*"),
    ("torchaudio 2.4.1 py311_cu118", "pytorch-cuda 11.8.*"),
    ("pytorch-cuda 12.4 h1_0", ""),
    ("pytorch-cuda 11.8 h1_0", ""),
];

#[tokio::test]
async fn a_minor_version_of_cuda_is_a_wish_and_the_major_one_a_demand() {
    let channels = Channels::new(&[LINES]);
    let chosen = async |specs: &[&str], cuda: &str, driver: &str| {
        let mut request = channels.request(specs, Some(cuda));
        request.virtual_packages = virtual_packages(Subdir::Linux64, Some("2.36"), Some((driver, None)));
        let all = channels.ask(&request).await;
        let counts = |it: &&str| ["pytorch-", "cuda-", "torchaudio-"].iter().any(|name| it.starts_with(name));
        all.split(' ').filter(counts).collect::<Vec<_>>().join(" ")
    };
    let newest = "cuda-version-12.9-0 pytorch-2.7.0-cuda129_mkl_py311_h0_300";
    // Nothing newer is built for 12.4: what is runs on the same drivers.
    assert_eq!(chosen(&["pytorch"], "12.4", "12.0").await, newest);
    assert_eq!(
        chosen(&["pytorch-gpu"], "12.4", "12.0").await,
        format!("{newest} pytorch-gpu-2.7.0-cuda129_0")
    );
    // Where a version is built for just this one, that is taken.
    assert_eq!(
        chosen(&["pytorch 2.4.*"], "12.4", "12.0").await,
        "cuda-version-12.4-0 pytorch-2.4.1-cuda124_py311_200"
    );
    assert_eq!(
        chosen(&["pytorch 2.4.*"], "12.9", "12.0").await,
        "cuda-version-12.9-0 pytorch-2.4.1-cuda124_py311_200"
    );
    // A newer driver does not change the line.
    assert_eq!(chosen(&["pytorch"], "12.9", "13.0").await, newest);
    assert_eq!(
        chosen(&["pytorch"], "13.0", "13.0").await,
        "cuda-version-13.0-0 pytorch-2.7.0-cuda130_mkl_py311_h0_300"
    );
    assert_eq!(chosen(&["cuda-runtime"], "12.4", "12.0").await, "cuda-runtime-12.4.1-0 cuda-version-12.4-0");
    assert_eq!(
        chosen(&["torchaudio"], "11.8", "11.0").await,
        "pytorch-cuda-11.8-h1_0 torchaudio-2.4.1-py311_cu118"
    );
}

#[tokio::test]
async fn a_pair_of_python_and_cuda_that_nothing_is_built_for_is_told_with_the_nearest() {
    let channels = Channels::new(&[LINES]);
    insta::assert_snapshot!(channels.solve(&["python 3.9.*", "pytorch"], Some("12.9")).await, @r"
    the image has CUDA 12.9, and these packages do not use it:
    `pytorch 2.4.1 cpu_py39_0`: its build says that it is for the processor alone; for CUDA there are `2.7.0 cuda130_mkl_py311_h0_300`, `2.4.1 cuda124_py311_200`
    no channel has a build of `pytorch` for CUDA 12 and Python 3.9; the nearest: `2.4.1 cuda118_py39_200` for CUDA 11.8 and Python 3.9, `2.7.0 cuda129_mkl_py311_h0_300` for CUDA 12.9 and Python 3.11
    pytorch * cannot be installed because there are no viable options:
    └─ pytorch 2.4.1 | 2.7.0 would require
       └─ python >=3.11,<3.12, for which no candidates were found.
    The following packages are incompatible
    └─ pytorch * can be installed with any of the following options:
       └─ pytorch 2.4.1 would require
          └─ cuda-version >=11.8,<12, which can be installed with any of the following options:
             └─ cuda-version 11.8
    └─ the constraint cuda-version >=12,<13 cannot be fulfilled
    ");
    insta::assert_snapshot!(channels.solve(&["python 3.9.*", "pytorch"], Some("13.0")).await, @r"
    the image has CUDA 13.0, and these packages do not use it:
    `pytorch 2.4.1 cpu_py39_0`: its build says that it is for the processor alone; for CUDA there are `2.7.0 cuda130_mkl_py311_h0_300`, `2.4.1 cuda124_py311_200`
    no channel has a build of `pytorch` for CUDA 13 and Python 3.9; the nearest: `2.4.1 cuda118_py39_200` for CUDA 11.8 and Python 3.9, `2.7.0 cuda130_mkl_py311_h0_300` for CUDA 13.0 and Python 3.11
    pytorch * cannot be installed because there are no viable options:
    └─ pytorch 2.4.1 | 2.7.0 would require
       └─ python >=3.11,<3.12, for which no candidates were found.
    The following packages are incompatible
    └─ pytorch * can be installed with any of the following options:
       └─ pytorch 2.4.1 would require
          └─ cuda-version >=11.8,<12, which can be installed with any of the following options:
             └─ cuda-version 11.8
    └─ the constraint cuda-version >=13,<14 cannot be fulfilled
    ");
    insta::assert_snapshot!(channels.solve(&["pytorch 2.7.*", "cuda-version 12.9.*"], Some("11.8")).await, @r"
    no set of packages satisfies all requirements:
    no channel has a build of `pytorch` for CUDA 11; the nearest: `2.7.0 cuda129_mkl_py311_h0_300` for CUDA 12.9 and Python 3.11
    cuda-version 12.9.* cannot be installed because there are no viable options:
    └─ cuda-version 12.9 would require
       └─ __cuda >=12, for which no candidates were found.
    ");
}

#[tokio::test]
async fn the_lowest_compute_capability_decides_on_builds() {
    let channels = Channels::new(&[LINES]);
    let told = async |capability: Option<&str>| {
        let mut request = channels.request(&["fused"], Some("12.9"));
        request.virtual_packages = virtual_packages(Subdir::Linux64, None, Some(("12.0", capability)));
        channels.ask(&request).await
    };
    assert_eq!(told(Some("9.0")).await, "fused-2.0-0");
    assert_eq!(told(Some("8.6")).await, "fused-1.0-0");
    insta::assert_snapshot!(told(Some("7.5")).await, @r"
    no set of packages satisfies all requirements:
    `fused-2.0-0` needs `__cuda_arch >=9.0`, and the image's oldest GPU has the compute capability 7.5
    fused * cannot be installed because there are no viable options:
    ├─ fused 2.0 would require
    │  └─ __cuda_arch >=9.0, for which no candidates were found.
    └─ fused 1.0 would require
       └─ __cuda_arch >=8.0, for which no candidates were found.
    ");
    insta::assert_snapshot!(told(None).await, @r"
    no set of packages satisfies all requirements:
    `fused-2.0-0` needs `__cuda_arch >=9.0`, and the image is for no GPU that is named
    fused * cannot be installed because there are no viable options:
    ├─ fused 2.0 would require
    │  └─ __cuda_arch >=9.0, for which no candidates were found.
    └─ fused 1.0 would require
       └─ __cuda_arch >=8.0, for which no candidates were found.
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
