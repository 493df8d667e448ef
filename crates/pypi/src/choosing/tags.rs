//! Which wheels run where ("Platform compatibility tags").

use std::collections::BTreeMap;
use std::fmt;

use imgbuild_oci::Platform;

use crate::wheel::filename::WheelFilename;

/// What wheels are chosen for: CPython 3.`minor` on Linux with glibc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The image's platform.
    pub platform: Platform,
    /// The minor version of Python 3.
    pub minor: u8,
    /// The minor version of glibc 2: that of the image.
    pub glibc: u8,
}

/// The tags of wheels that run on a target, the best first.
#[derive(Debug, Clone)]
pub struct Tags {
    target: Target,
    ranks: BTreeMap<String, usize>,
}

impl Target {
    /// How tags call the machine.
    pub(crate) fn machine(self) -> &'static str {
        match self.platform {
            Platform::LinuxAmd64 => "x86_64",
            Platform::LinuxArm64 => "aarch64",
        }
    }

    /// The platforms whose wheels run here: those of every glibc up to its own, with their old names, and the kernel's.
    fn platforms(self) -> Vec<String> {
        // The oldest glibc for which there are wheels, and the names from before they were numbered.
        let oldest = if self.platform == Platform::LinuxAmd64 { 5 } else { 17 };
        let machine = self.machine();
        let mut platforms = Vec::new();
        for glibc in (oldest..=self.glibc).rev() {
            platforms.push(format!("manylinux_2_{glibc}_{machine}"));
            let old = match glibc {
                17 => "manylinux2014",
                12 => "manylinux2010",
                5 => "manylinux1",
                _ => continue,
            };
            platforms.push(format!("{old}_{machine}"));
        }
        platforms.push(format!("linux_{machine}"));
        platforms
    }

    /// The tags of wheels that run here.
    pub fn tags(self) -> Tags {
        let minor = self.minor;
        let platforms = self.platforms();
        let mut tags: Vec<String> = Vec::new();
        let mut add = |python: &str, abi: &str| {
            tags.extend(platforms.iter().map(|platform| format!("{python}-{abi}-{platform}")));
        };
        let own = format!("cp3{minor}");
        for abi in [own.as_str(), "abi3", "none"] {
            add(&own, abi);
        }
        for older in (2..minor).rev() {
            add(&format!("cp3{older}"), "abi3");
        }
        let mut generic = vec![format!("py3{minor}"), "py3".to_owned()];
        generic.extend((0..minor).rev().map(|older| format!("py3{older}")));
        for python in &generic {
            add(python, "none");
        }
        tags.push(format!("{own}-none-any"));
        tags.extend(generic.iter().map(|python| format!("{python}-none-any")));
        Tags { target: self, ranks: tags.into_iter().zip(0..).collect() }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Python 3.{} on {} with glibc 2.{}", self.minor, self.platform, self.glibc)
    }
}

impl Tags {
    /// What they are for.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The tags, the best first.
    pub fn sorted(&self) -> Vec<&str> {
        let mut tags: Vec<(&str, usize)> =
            self.ranks.iter().map(|(tag, rank)| (tag.as_str(), *rank)).collect();
        tags.sort_by_key(|(_, rank)| *rank);
        tags.into_iter().map(|(tag, _)| tag).collect()
    }

    /// How well a wheel fits: the lower the better; nothing where it does not run.
    pub fn rank(&self, wheel: &WheelFilename) -> Option<usize> {
        let triples = wheel.pythons.iter().flat_map(|python| {
            wheel.abis.iter().flat_map(move |abi| {
                wheel.platforms.iter().map(move |platform| format!("{python}-{abi}-{platform}"))
            })
        });
        triples.filter_map(|triple| self.ranks.get(&triple).copied()).min()
    }
}
