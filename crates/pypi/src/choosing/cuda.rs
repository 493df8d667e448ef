//! CUDA: what comes from PyTorch's indexes, and wheels that know nothing of it.

use std::collections::BTreeSet;

use imgbuild_spec::TorchBackend;
use pep440_rs::Version;

use crate::choosing::dependency::Dependency;
use crate::choosing::environment::Environment;

/// Wheels that are made for the processor alone, by their name, and what has the same with CUDA.
const PROCESSOR_ONLY: [(&str, &str); 3] = [
    ("tensorflow-cpu", "`tensorflow[and-cuda]` uses CUDA"),
    ("tensorflow-cpu-aws", "`tensorflow[and-cuda]` for linux/amd64 uses CUDA"),
    ("intel-tensorflow", "`tensorflow[and-cuda]` uses CUDA"),
];

/// The same, where somebody asked for it by name. Where only another package requires it, nothing else can take its place.
const PROCESSOR_ONLY_IF_REQUESTED: [(&str, &str); 1] = [("onnxruntime", "`onnxruntime-gpu` uses CUDA")];

/// The packages that PyTorch's indexes have in versions of their own for each CUDA.
pub(crate) const OF_BACKEND: [&str; 8] = [
    "pytorch-triton",
    "torch",
    "torchao",
    "torchaudio",
    "torchdata",
    "torchserve",
    "torchtext",
    "torchvision",
];

/// Whether a package comes from PyTorch's index, where CUDA is asked for.
pub(crate) fn is_of_backend(name: &str) -> bool {
    OF_BACKEND.contains(&name)
}

/// The version of CUDA that the local part of a version names: `12.4` for `cu124`.
pub(crate) fn of_local(local: &str) -> Option<String> {
    match TorchBackend::of_name(local.split('.').next().unwrap_or_default())? {
        TorchBackend::Cuda(major, minor) => Some(format!("{major}.{minor}")),
        _ => None,
    }
}

/// The library whose place a stub has taken: of CUDA 13, NVIDIA's wheels have no `-cu13` in their names, and under the names with it there
/// are archives of sources that fail.
pub(crate) fn stub_of<'a>(name: &'a str, version: &Version) -> Option<&'a str> {
    let library = name.strip_suffix("-cu13").filter(|_| name.starts_with("nvidia-"))?;
    version.release().starts_with(&[0, 0]).then_some(library)
}

/// A wheel that was chosen, as far as this module looks at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WheelSummary<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) requires: &'a [String],
    pub(crate) requested: bool,
}

/// The wheels of frameworks that do not use CUDA, and why: a line each.
pub(crate) fn processor_only(wheels: &[WheelSummary<'_>], environment: &Environment) -> Vec<String> {
    let names: BTreeSet<&str> = wheels.iter().map(|wheel| wheel.name).collect();
    let why = |wheel: &WheelSummary<'_>| -> Option<String> {
        let listed = |list: &[(&str, &str)]| {
            list.iter()
                .find(|(name, _)| *name == wheel.name)
                .map(|(_, instead)| format!("it is made for the processor alone: {instead}"))
        };
        let local = wheel.version.split_once('+').map(|(_, local)| local);
        match wheel.name {
            "torch" | "torchvision" | "torchaudio"
                if local.is_some_and(|local| local == "cpu" || local.starts_with("cpu.")) =>
            {
                Some("its version says so".to_owned())
            }
            "torch"
                if local.is_none_or(|local| !local.starts_with("cu")) && !uses_nvidia(wheel, environment) =>
            {
                Some(format!("it requires no library of CUDA on {}", environment.target().platform))
            }
            "jaxlib"
                if local.is_none_or(|local| !local.contains("cuda"))
                    && !names
                        .iter()
                        .any(|name| name.starts_with("jax-cuda") && name.ends_with("-plugin")) =>
            {
                Some("no plugin of CUDA is among the packages: `jax[cuda12]` brings one".to_owned())
            }
            _ => listed(&PROCESSOR_ONLY)
                .or_else(|| listed(&PROCESSOR_ONLY_IF_REQUESTED).filter(|_| wheel.requested)),
        }
    };
    wheels
        .iter()
        .filter_map(|wheel| Some(format!("`{} {}`: {}", wheel.name, wheel.version, why(wheel)?)))
        .collect()
}

/// The wheels of CUDA's runtime that need a newer driver than CUDA of this version, and theirs; nothing where there are none.
pub(crate) fn newer(wheels: &[WheelSummary<'_>], cuda: &str) -> Option<(String, Vec<String>)> {
    let major = |version: &str| version.split(['.', '+']).next().and_then(|major| major.parse::<u32>().ok());
    let asked = major(cuda)?;
    // Of all libraries this one has CUDA's own version.
    let is_runtime = |name: &str| name == "nvidia-cuda-runtime" || name.starts_with("nvidia-cuda-runtime-cu");
    let runtimes = wheels.iter().filter(|wheel| is_runtime(wheel.name));
    let newer: Vec<_> = runtimes.filter(|wheel| major(wheel.version) > Some(asked)).collect();
    let found = newer.first()?.version.split('.').take(2).collect::<Vec<_>>().join(".");
    Some((found, newer.iter().map(|wheel| format!("`{} {}`", wheel.name, wheel.version)).collect()))
}

/// Whether a wheel requires libraries of CUDA here. The wheels of torch before version 2 hold them.
fn uses_nvidia(wheel: &WheelSummary<'_>, environment: &Environment) -> bool {
    let old = wheel.version.starts_with("0.") || wheel.version.starts_with("1.");
    let required = wheel.requires.iter().filter_map(|text| Dependency::of_metadata(text));
    let mut holding = required.filter(|it| it.holds(environment, &[]));
    old || holding.any(|it| it.name.starts_with("nvidia-") || it.name.starts_with("cuda-"))
}

#[cfg(test)]
mod tests {
    use imgbuild_oci::Platform;

    use super::*;
    use crate::choosing::tags::Target;

    fn refused(wheels: &[(&str, &str, &[&str])], platform: Platform, requested: bool) -> Vec<String> {
        let target = Target { platform, minor: 11, glibc: 36 };
        let environment = Environment::new(target, "3.11.9").unwrap();
        let requires: Vec<Vec<String>> =
            wheels.iter().map(|it| it.2.iter().map(ToString::to_string).collect()).collect();
        let chosen = wheels.iter().zip(&requires).map(|((name, version, _), requires)| WheelSummary {
            name,
            version,
            requires,
            requested,
        });
        processor_only(&chosen.collect::<Vec<_>>(), &environment)
    }

    #[test]
    fn frameworks_without_cuda_are_named() {
        let nvidia =
            "nvidia-cublas-cu12==12.4.5.8; platform_system == 'Linux' and platform_machine == 'x86_64'";
        let amd64 = Platform::LinuxAmd64;
        assert_eq!(refused(&[("torch", "2.6.0", &[nvidia])], amd64, true), Vec::<String>::new());
        assert_eq!(refused(&[("torch", "2.6.0+cu124", &[])], amd64, true), Vec::<String>::new());
        assert_eq!(refused(&[("torch", "1.12.1", &[])], amd64, true), Vec::<String>::new());
        assert_eq!(
            refused(&[("torch", "2.6.0", &[nvidia])], Platform::LinuxArm64, true),
            ["`torch 2.6.0`: it requires no library of CUDA on linux/arm64"]
        );
        assert_eq!(
            refused(&[("torch", "2.6.0+cpu", &[]), ("torchvision", "0.21.0+cpu", &[])], amd64, false),
            ["`torch 2.6.0+cpu`: its version says so", "`torchvision 0.21.0+cpu`: its version says so"]
        );
        assert_eq!(
            refused(&[("jaxlib", "0.5.0", &[])], amd64, false),
            ["`jaxlib 0.5.0`: no plugin of CUDA is among the packages: `jax[cuda12]` brings one"]
        );
        let plugin: [(&str, &str, &[&str]); 2] =
            [("jaxlib", "0.5.0", &[]), ("jax-cuda12-plugin", "0.5.0", &[])];
        assert_eq!(refused(&plugin, amd64, false), Vec::<String>::new());
        assert_eq!(refused(&[("onnxruntime", "1.20.0", &[])], amd64, false), Vec::<String>::new());
        assert_eq!(
            refused(&[("onnxruntime", "1.20.0", &[]), ("tensorflow-cpu", "2.18.0", &[])], amd64, true),
            [
                "`onnxruntime 1.20.0`: it is made for the processor alone: `onnxruntime-gpu` uses CUDA",
                "`tensorflow-cpu 2.18.0`: it is made for the processor alone: `tensorflow[and-cuda]` uses CUDA"
            ]
        );
    }

    #[test]
    fn wheels_of_a_newer_cuda_are_named() {
        let found = |name: &str, version: &str, cuda: &str| {
            newer(&[WheelSummary { name, version, requires: &[], requested: false }], cuda)
        };
        assert_eq!(found("nvidia-cuda-runtime-cu12", "12.9.79", "12.4"), None);
        assert_eq!(found("nvidia-cuda-runtime-cu11", "11.8.89", "12.4"), None);
        assert_eq!(found("nvidia-cusparse", "12.8.1", "11.8"), None);
        let told = vec!["`nvidia-cuda-runtime 13.0.48`".to_owned()];
        assert_eq!(found("nvidia-cuda-runtime", "13.0.48", "12.9"), Some(("13.0".to_owned(), told)));
    }
}
