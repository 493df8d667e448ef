//! What an image for CUDA tells whoever gives it a GPU.
//!
//! It holds no library of the driver and sets no `LD_LIBRARY_PATH`: what gives a container its GPU brings the driver's libraries, and
//! tells the loader of them.

use std::collections::BTreeMap;

use imgbuild_archive::{ImagePath, Owner, PathError};
use imgbuild_layer::{Content, Files, PartId, Role};
use imgbuild_spec::Cuda;

/// Where NVIDIA's container toolkit looks for the libraries of `cuda-compat`.
const COMPAT: &str = "usr/local/cuda/compat";
/// Where the conda package has them, below its environment.
const COMPAT_OF_CONDA: &str = "cuda-compat";

/// The variables that NVIDIA's container toolkit, enroot and others read.
///
/// A container is refused where the driver supports no CUDA of the major version: a stricter demand keeps containers from starting
/// that would run. `CUDA_VERSION` is not set: where it is alone, an image counts as one of NVIDIA's old ones, which is refused by
/// drivers that support another minor version.
pub fn cuda_variables(cuda: &Cuda) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("NVIDIA_VISIBLE_DEVICES".to_owned(), cuda.visible_devices.to_string()),
        ("NVIDIA_DRIVER_CAPABILITIES".to_owned(), "compute,utility".to_owned()),
        ("NVIDIA_REQUIRE_CUDA".to_owned(), cuda.requirement()),
    ])
}

/// The link by which NVIDIA's container toolkit finds the libraries for older drivers, which are in the environment at `prefix`; nothing
/// where there are none. `place` says where a file must be written to be found at a path.
///
/// # Errors
///
/// When it has no place.
pub fn cuda_files<E: From<PathError>>(
    cuda: &Cuda,
    prefix: &ImagePath,
    timestamp: i64,
    place: impl Fn(&ImagePath) -> Result<ImagePath, E>,
) -> Result<Option<Files>, E> {
    if !cuda.compat {
        return Ok(None);
    }
    let target = format!("{prefix}/{COMPAT_OF_CONDA}");
    let contents = BTreeMap::from([(place(&ImagePath::new(COMPAT)?)?, Content::Symlink { target })]);
    let id = PartId::new("imgbuild", "cuda-compat");
    let title = "the link to cuda-compat".to_owned();
    Ok(Some(Files::new(id, title, Role::METADATA, None, contents, Owner::ROOT, timestamp)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spec.toml");
        std::fs::write(&path, format!("name = \"a\"\npython = \"3.11\"\ncuda = {value}\n")).unwrap();
        let spec = imgbuild_spec::Spec::load(&path).unwrap();
        let variants = spec.variants(imgbuild_oci::Platform::LinuxAmd64).unwrap();
        let variables = cuda_variables(variants[0].cuda.as_ref().unwrap());
        variables.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn any_driver_of_the_major_version_will_do() {
        assert_eq!(
            shown("\"12.9\""),
            [
                "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
                "NVIDIA_REQUIRE_CUDA=cuda>=12.0",
                "NVIDIA_VISIBLE_DEVICES=all",
            ]
        );
        assert_eq!(
            shown("{ version = \"13.0\", driver = \"590\", visible-devices = \"void\" }"),
            [
                "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
                "NVIDIA_REQUIRE_CUDA=cuda>=13.0",
                "NVIDIA_VISIBLE_DEVICES=void",
            ]
        );
    }

    #[test]
    fn an_older_driver_will_do_with_the_libraries_for_it() {
        let required = |value: &str| shown(value)[1].clone();
        assert_eq!(
            required("{ version = \"12.9\", driver = \"470\", compat = true }"),
            "NVIDIA_REQUIRE_CUDA=cuda>=12.0 brand=tesla,driver>=470"
        );
        assert_eq!(
            required("{ version = \"12.9\", driver = \"535\", compat = true }"),
            "NVIDIA_REQUIRE_CUDA=cuda>=12.0"
        );
    }
}
