//! CUDA: which of PyTorch's indexes fits a version of it, and wheels that know nothing of it.

use std::collections::BTreeSet;

use crate::choosing::dependency::Dependency;
use crate::choosing::environment::Environment;

/// The versions of CUDA for which PyTorch has an index that uv knows, the newest first.
const BACKENDS: [(u32, u32); 25] = [
    (13, 2),
    (13, 0),
    (12, 9),
    (12, 8),
    (12, 6),
    (12, 5),
    (12, 4),
    (12, 3),
    (12, 2),
    (12, 1),
    (12, 0),
    (11, 8),
    (11, 7),
    (11, 6),
    (11, 5),
    (11, 4),
    (11, 3),
    (11, 2),
    (11, 1),
    (11, 0),
    (10, 2),
    (10, 1),
    (10, 0),
    (9, 2),
    (9, 1),
];

/// Wheels that are made for the processor alone, by their name, and what has the same with CUDA.
const PROCESSOR_ONLY: [(&str, &str); 3] = [
    ("tensorflow-cpu", "`tensorflow[and-cuda]` uses CUDA"),
    ("tensorflow-cpu-aws", "`tensorflow[and-cuda]` for linux/amd64 uses CUDA"),
    ("intel-tensorflow", "`tensorflow[and-cuda]` uses CUDA"),
];

/// The same, where somebody asked for it by name. Where only another package requires it, nothing else can take its place.
const PROCESSOR_ONLY_IF_REQUESTED: [(&str, &str); 1] = [("onnxruntime", "`onnxruntime-gpu` uses CUDA")];

/// uv's name of the newest index of PyTorch that a version of CUDA, such as `12.4`, can use; nothing where all are newer.
pub(crate) fn backend(cuda: &str) -> Option<String> {
    let mut numbers = cuda.split('.').map(str::parse::<u32>);
    let major = numbers.next()?.ok()?;
    let minor = numbers.next().map_or(Some(u32::MAX), Result::ok)?;
    let newest = BACKENDS.into_iter().find(|known| *known <= (major, minor))?;
    Some(format!("cu{}{}", newest.0, newest.1))
}

/// The packages that PyTorch's indexes have in versions of their own for each CUDA.
const OF_BACKEND: [&str; 8] = [
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
    let digits = local.strip_prefix("cu").map(|rest| rest.split('.').next().unwrap_or_default())?;
    let found = BACKENDS.iter().find(|(major, minor)| digits == format!("{major}{minor}"));
    found.map(|(major, minor)| format!("{major}.{minor}"))
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

    #[test]
    fn the_newest_index_that_a_version_can_use() {
        let shown = |cuda: &str| backend(cuda).unwrap_or_default();
        let found = ["12.4", "12.7", "11.8", "12", "13.1", "14.0", "9.0", "x"].map(shown);
        assert_eq!(found, ["cu124", "cu126", "cu118", "cu129", "cu130", "cu132", "", ""]);
    }

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
}
