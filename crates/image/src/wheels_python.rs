//! The Python that a variant's wheels are for.

use imgbuild_archive::ImagePath;
use imgbuild_conda::{Implementation, LockedEnvironmentError};
use imgbuild_ecosystem::EcosystemError;
use imgbuild_lock::{BasePython, LockedVariant};
use imgbuild_pypi::{Environment, LockedWheelsError, Target};
use imgbuild_spec::Variant;

use crate::error::{MakeError, WheelsFailure};

/// Where wheels go that find no conda environment with a Python.
pub const VIRTUAL_ENVIRONMENT: &str = "/opt/venv";

/// The Python that a variant's wheels are for, by the lock of everything beneath them.
#[derive(Debug, Clone)]
pub struct WheelsPython {
    /// The environment that they are put into.
    pub prefix: ImagePath,
    /// Whether that is the conda environment.
    pub is_conda: bool,
    /// What they must run on.
    pub environment: Environment,
    /// Where a conda environment's modules are below its prefix.
    pub site_packages: Option<String>,
}

impl WheelsPython {
    /// The Python of a locked variant.
    ///
    /// # Errors
    ///
    /// When there is none, or one that wheels cannot be chosen for.
    pub fn new(locked: &LockedVariant<'_>, variant: &Variant) -> Result<Self, MakeError> {
        let failed = |error| EcosystemError::from(LockedEnvironmentError::from(error));
        let no_python = || EcosystemError::from(LockedWheelsError::NoPython);
        if let Some(pypi) = &locked.pypi
            && let Some(python) = &pypi.set.python
        {
            return Ok(Self::of_base(locked, python, pypi.set.prefix.clone())?);
        }
        if let Some(conda) = &locked.conda
            && let Some(python) =
                imgbuild_conda::locked_python(&conda.packages, variant.platform).map_err(failed)?
        {
            if python.implementation != Implementation::CPython {
                return Err(WheelsFailure::OtherPython { python: python.version }.into());
            }
            return Ok(Self {
                prefix: conda.set.prefix.clone(),
                is_conda: true,
                environment: environment(locked, &python.version)?,
                site_packages: Some(python.site_packages.as_str().to_owned()),
            });
        }
        let debian = locked.debian.as_ref().ok_or_else(no_python)?;
        let python = imgbuild_debian::interpreter(debian.set, &debian.owned()).ok_or_else(no_python)?;
        Ok(Self {
            prefix: ImagePath::from_absolute(VIRTUAL_ENVIRONMENT)?,
            is_conda: false,
            environment: environment(locked, &python.version)?,
            site_packages: None,
        })
    }

    /// The Python of the existing image that a variant stands on, with a virtual environment of it in a folder.
    ///
    /// # Errors
    ///
    /// When it is one that wheels cannot be chosen for.
    pub fn of_base(
        locked: &LockedVariant<'_>,
        python: &BasePython,
        prefix: ImagePath,
    ) -> Result<Self, WheelsFailure> {
        let environment = environment(locked, &python.version)?;
        Ok(Self { prefix, is_conda: false, environment, site_packages: None })
    }
}

/// The environment of a Python of a version, with the variant's glibc.
fn environment(locked: &LockedVariant<'_>, version: &str) -> Result<Environment, WheelsFailure> {
    let of_debian = locked.debian.as_ref().and_then(|debian| imgbuild_debian::glibc(&debian.owned()));
    let of_base = locked.variant.existing().and_then(|base| base.glibc.clone());
    let minor = |text: &str| text.strip_prefix("2.")?.split('.').next()?.parse::<u8>().ok();
    let glibc = of_debian.or(of_base).as_deref().and_then(minor);
    let python = version.strip_prefix("3.").and_then(|it| it.split('.').next()?.parse::<u8>().ok());
    let other = || WheelsFailure::OtherPython { python: version.to_owned() };
    let (Some(glibc), Some(minor)) = (glibc, python) else { return Err(other()) };
    Environment::new(Target { platform: locked.variant.platform, minor, glibc }, version).map_err(|_| other())
}
