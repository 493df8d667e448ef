//! CUDA's libraries that an image has more than once: from conda and as wheels, or as wheels of two versions of CUDA; and wheels of
//! them that hold nothing.

use imgbuild_lock::{CondaPackage, LockedVariant, PypiPackage};
use imgbuild_spec::{Duplicates, Variant};

use crate::error::{MakeError, MakeFailure};
use crate::variant_name::variant_name;

/// What NVIDIA's wheels begin with.
const WHEELS: &str = "nvidia-";
/// Names of wheels without what they begin and end with, and those of the conda packages with the same libraries.
const LIBRARIES: [(&str, &[&str]); 23] = [
    ("cublas", &["libcublas", "cudatoolkit"]),
    ("cuda-cupti", &["cuda-cupti", "cudatoolkit"]),
    ("cuda-nvcc", &["cuda-nvcc-tools", "cuda-nvcc"]),
    ("cuda-nvrtc", &["cuda-nvrtc", "cudatoolkit"]),
    ("cuda-runtime", &["cuda-cudart", "cudatoolkit"]),
    ("cudnn", &["libcudnn", "cudnn"]),
    ("cudss", &["libcudss"]),
    ("cufft", &["libcufft", "cudatoolkit"]),
    ("cufile", &["libcufile"]),
    ("curand", &["libcurand", "cudatoolkit"]),
    ("cusolver", &["libcusolver", "cudatoolkit"]),
    ("cusparse", &["libcusparse", "cudatoolkit"]),
    ("cusparselt", &["libcusparse-lt", "cusparselt"]),
    ("nccl", &["nccl"]),
    ("npp", &["libnpp", "cudatoolkit"]),
    ("libnvcomp", &["libnvcomp", "nvcomp"]),
    ("nvfatbin", &["libnvfatbin"]),
    ("nvjitlink", &["libnvjitlink"]),
    ("nvjpeg", &["libnvjpeg", "cudatoolkit"]),
    ("nvshmem", &["libnvshmem3", "libnvshmem"]),
    ("nvtx", &["cuda-nvtx"]),
    ("nvvm", &["libnvvm", "cuda-nvvm-impl"]),
    ("cutensor", &["libcutensor", "cutensor"]),
];
/// Where conda's copies are from.
const CONDA: &str = "conda";
/// How libraries that come from conda and as wheels come once.
const ONE_ECOSYSTEM: &str = "take the framework from conda or as a wheel, and not from both";
/// How libraries that come as wheels of two versions of CUDA come once.
const ONE_VERSION: &str =
    "take frameworks of one version of CUDA: its wheels are those that another one requires";
/// What stands instead of a library: an archive of sources that fails, or an empty wheel, under a name that the library does not have.
const STUB: &str = "0.0.";

/// A library of CUDA that is in an image more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CudaDuplicate {
    /// The library, such as `cublas`.
    pub library: String,
    /// The packages that hold it: conda's first.
    pub copies: Vec<CudaCopy>,
}

/// A package with a library of CUDA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CudaCopy {
    /// `conda` or `wheel`.
    pub from: &'static str,
    /// The package, with its version.
    pub package: String,
    /// Its installed size in bytes.
    pub bytes: u64,
}

impl CudaCopy {
    fn of_conda(package: &CondaPackage) -> Self {
        let title = format!("{} {}", package.name(), package.version());
        Self { from: CONDA, package: title, bytes: package.facts.installed_size }
    }

    fn of_wheel(package: &PypiPackage) -> Self {
        let title = format!("{} {}", package.name, package.version);
        Self { from: "wheel", package: title, bytes: package.facts.installed_size }
    }
}

/// The name of a library that a wheel holds: `cublas` for `nvidia-cublas-cu12`, and for `nvidia-cublas`, as those of CUDA 13 are called.
fn library(name: &str) -> Option<&str> {
    let name = name.strip_prefix(WHEELS).or(name.starts_with("cutensor").then_some(name))?;
    match name.rsplit_once("-cu") {
        Some((stem, digits)) if !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit()) => {
            Some(stem)
        }
        _ => Some(name),
    }
}

fn is_stub(package: &PypiPackage) -> bool {
    package.name.starts_with(WHEELS) && package.version.starts_with(STUB)
}

/// The libraries that an environment of an image has more than once.
pub fn cuda_duplicates(locked: &LockedVariant<'_>) -> Vec<CudaDuplicate> {
    locked.in_each_environment().iter().flat_map(of_environment).collect()
}

fn of_environment(locked: &LockedVariant<'_>) -> Vec<CudaDuplicate> {
    let wheels = locked.pypi.iter().flat_map(|pypi| &pypi.packages).copied();
    let wheels: Vec<&PypiPackage> = wheels.filter(|wheel| !is_stub(wheel)).collect();
    let conda = locked.conda.as_ref().map(|conda| conda.packages.as_slice()).unwrap_or_default();
    let duplicate = |(name, packages): &(&str, &[&str])| {
        let wheels = wheels.iter().filter(|wheel| library(&wheel.name) == Some(name));
        let wheels: Vec<CudaCopy> = wheels.map(|wheel| CudaCopy::of_wheel(wheel)).collect();
        // Of names for the same the first holds the library, and the others may require it.
        let own = packages.iter().find_map(|name| conda.iter().find(|package| package.name() == *name));
        let copies: Vec<CudaCopy> = own.map(|it| CudaCopy::of_conda(it)).into_iter().chain(wheels).collect();
        (copies.len() > 1).then(|| CudaDuplicate { library: (*name).to_owned(), copies })
    };
    LIBRARIES.iter().filter_map(duplicate).collect()
}

/// The wheels that have the name of a library of CUDA, and hold nothing.
pub fn cuda_stubs(locked: &LockedVariant<'_>) -> Vec<String> {
    let all = locked.in_each_environment();
    let wheels = all.iter().flat_map(|locked| &locked.pypi).flat_map(|pypi| &pypi.packages);
    let stubs = wheels.filter(|wheel| is_stub(wheel));
    stubs.map(|wheel| format!("{} {}", wheel.name, wheel.version)).collect()
}

/// How many bytes an image would have less, were each library in it once: all copies but the largest.
pub fn wasted_bytes(duplicates: &[CudaDuplicate]) -> u64 {
    let mut counted: Vec<&str> = Vec::new();
    let mut wasted = 0;
    for duplicate in duplicates {
        let largest = duplicate.copies.iter().max_by_key(|copy| copy.bytes).map(|copy| &copy.package);
        for copy in duplicate.copies.iter().filter(|copy| Some(&copy.package) != largest) {
            // One old package holds several of the libraries.
            if !counted.contains(&copy.package.as_str()) {
                counted.push(&copy.package);
                wasted += copy.bytes;
            }
        }
    }
    wasted
}

/// Refuses an image with libraries of CUDA that come twice, where its spec wants that.
///
/// # Errors
///
/// When it has such, and the spec says `duplicates = "refuse"`.
pub fn check_cuda_duplicates(variant: &Variant, locked: &LockedVariant<'_>) -> Result<(), MakeError> {
    let Some(cuda) = variant.cuda.as_ref().filter(|it| it.duplicates == Duplicates::Refuse) else {
        return Ok(());
    };
    let duplicates = cuda_duplicates(locked);
    if duplicates.is_empty() {
        return Ok(());
    }
    let line = |duplicate: &CudaDuplicate| {
        let copy = |copy: &CudaCopy| format!("`{}` ({}, {} bytes)", copy.package, copy.from, copy.bytes);
        let copies: Vec<String> = duplicate.copies.iter().map(copy).collect();
        format!("  {}: {}", duplicate.library, copies.join(", "))
    };
    let of_conda = duplicates.iter().flat_map(|it| &it.copies).any(|copy| copy.from == CONDA);
    Err(MakeFailure::CudaTwice {
        variant: variant_name(variant),
        libraries: duplicates.iter().map(line).collect::<Vec<_>>().join("\n"),
        bytes: wasted_bytes(&duplicates),
        remedy: if of_conda { ONE_ECOSYSTEM } else { ONE_VERSION },
        asked: vec![cuda.origin.snippet("it was asked for here", "`duplicates`")],
    }
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_of_names_are_known() {
        let found =
            ["nvidia-cublas-cu12", "nvidia-cublas", "nvidia-cudnn-cu13", "nvidia-cuda-runtime-cu11", "torch"];
        assert_eq!(
            found.map(|name| library(name).unwrap_or_default()),
            ["cublas", "cublas", "cudnn", "cuda-runtime", ""]
        );
        assert_eq!(library("cutensor-cu12"), Some("cutensor"));
    }

    #[test]
    fn what_an_image_would_have_less() {
        let copy = |from, package: &str, bytes| CudaCopy { from, package: package.to_owned(), bytes };
        let of = |library: &str, wheel: u64| CudaDuplicate {
            library: library.to_owned(),
            copies: vec![copy("conda", "cudatoolkit 11.8", 100), copy("wheel", library, wheel)],
        };
        assert_eq!(wasted_bytes(&[of("cublas", 40), of("cufft", 30)]), 70);
        assert_eq!(wasted_bytes(&[of("cublas", 400), of("cufft", 300)]), 100);
    }
}
