//! What an image for CUDA demands of the machines that run it.

use std::fmt;

use imgbuild_lock::{CondaPackage, LockedVariant};
use imgbuild_spec::{Base, Capability, Variant};

/// What an image for CUDA demands of the machines that run it: drivers, GPUs, and the C library that their driver meets in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CudaContract {
    /// The version that the spec names.
    pub version: String,
    /// The version that its packages are built for, where it is locked and they say it.
    pub built: Option<String>,
    /// The oldest driver that it runs on.
    pub driver: String,
    /// The newest CUDA that this driver supports: what packages were chosen for (`__cuda`).
    pub driver_supports: String,
    /// What a driver must support where a container is started (`NVIDIA_REQUIRE_CUDA`).
    pub requirement: String,
    /// Whether it brings libraries for older drivers.
    pub compat: bool,
    /// The compute capabilities of the GPUs that it must have kernels for; none where the spec names none.
    pub arch: Vec<String>,
    /// The C library that it has, where that is known.
    pub glibc: Option<String>,
    /// The newest C library that a package of it needs, where it is locked and any says it.
    pub glibc_needed: Option<String>,
}

/// What a variant demands of the machines that run it; nothing where it is not for CUDA. `locked` is what its lock says, where it has
/// one.
pub fn cuda_contract(variant: &Variant, locked: Option<&LockedVariant<'_>>) -> Option<CudaContract> {
    let cuda = variant.cuda.as_ref()?;
    let all = locked.map(LockedVariant::in_each_environment).unwrap_or_default();
    let conda = || all.iter().filter_map(|locked| locked.conda.as_ref());
    let packages = conda().flat_map(|conda| &conda.packages);
    let of_suite = match &variant.base {
        Base::Debian(debian) => Some(debian.suite.glibc().to_owned()),
        Base::Layout(_) | Base::Image(_) | Base::Scratch => None,
    };
    let of_lock = conda().find_map(|conda| conda.set.virtual_packages.get("__glibc").cloned());
    Some(CudaContract {
        version: cuda.version.to_string(),
        built: all.iter().find_map(built),
        driver: cuda.driver.to_string(),
        driver_supports: cuda.supported(),
        requirement: cuda.requirement(),
        compat: cuda.compat,
        arch: cuda.arch.iter().map(Capability::to_string).collect(),
        glibc: of_lock.or(of_suite),
        glibc_needed: packages.filter_map(|package| needed_glibc(package)).max().map(shown),
    })
}

/// The CUDA that packages or wheels say they are built for.
fn built(locked: &LockedVariant<'_>) -> Option<String> {
    let conda = locked.conda.iter().flat_map(|conda| &conda.packages);
    let of_conda = conda.filter(|it| ["cuda-version", "cudatoolkit", "pytorch-cuda"].contains(&it.name()));
    let wheels = locked.pypi.iter().flat_map(|pypi| &pypi.packages);
    let runtime =
        wheels.filter(|it| it.name == "nvidia-cuda-runtime" || it.name.starts_with("nvidia-cuda-runtime-cu"));
    let version = of_conda.map(|it| it.version()).chain(runtime.map(|it| it.version.as_str())).next()?;
    Some(version.split('.').take(2).collect::<Vec<_>>().join("."))
}

/// The C library that a package says it needs.
fn needed_glibc(package: &CondaPackage) -> Option<Vec<u32>> {
    let depends = package.record.get("depends")?.as_array()?;
    let needed = |text: &str| {
        let rest = text.trim().strip_prefix("__glibc")?.trim_start_matches([' ', '[']);
        let version = rest.strip_prefix(">=")?;
        let version = version.split([',', ']']).next()?;
        version.split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u32>>>()
    };
    depends.iter().filter_map(|text| needed(text.as_str()?)).max()
}

fn shown(version: Vec<u32>) -> String {
    version.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

impl fmt::Display for CudaContract {
    /// A line for each thing that it speaks of.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CUDA     {}", self.version)?;
        match &self.built {
            Some(built) if *built == self.version => f.write_str(", for which its packages are built")?,
            Some(built) => write!(f, "; its packages are built for {built}")?,
            None => {}
        }
        write!(f, "\ndrivers  {} and newer, which support CUDA {}", self.driver, self.driver_supports)?;
        if self.compat {
            f.write_str(" with the libraries of cuda-compat, on GPUs of data centres")?;
        }
        f.write_str("\nGPUs     ")?;
        match self.arch.as_slice() {
            [] => f.write_str(
                "those that its packages have kernels for: `cuda.arch` names them, and a build checks it",
            )?,
            arch => write!(f, "compute capability {}", arch.join(", "))?,
        }
        f.write_str("\nglibc    ")?;
        f.write_str(self.glibc.as_deref().unwrap_or("that of the base"))?;
        match &self.glibc_needed {
            Some(needed) => writeln!(f, "; its packages need {needed}"),
            None => writeln!(f),
        }
    }
}
