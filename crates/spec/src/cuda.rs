//! From the key `cuda` to what an image for CUDA is, with what cannot be together.

use imgbuild_document::{Located, Origin, Problem, Source, list};
use imgbuild_environment::LockedPackages;

use crate::language::CudaKey;
use crate::mistake::SpecMistake;
use crate::pip::Pytorch;
use crate::values::{
    Capability, CudaVersion, Driver, Duplicates, NoKernels, Toolkit, TorchBackend, VisibleDevices,
};

/// CUDA, by the key `cuda`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Cuda {
    /// The line of the toolkit that packages are built with.
    pub version: CudaVersion,
    /// What of the toolkit comes beside what packages require.
    pub toolkit: Toolkit,
    /// Where that was asked for.
    pub toolkit_origin: Option<Origin>,
    /// The oldest driver that it is to run on.
    pub driver: Driver,
    /// The compute capabilities of the GPUs that it is to run on, the lowest first; none where that is not said.
    pub arch: Vec<Capability>,
    /// Whether it brings the libraries for older drivers.
    pub compat: bool,
    /// The GPUs that a container gets where nothing else is said.
    pub visible_devices: VisibleDevices,
    /// What is done about libraries that come from conda and as wheels.
    pub duplicates: Duplicates,
    /// Where it was asked for.
    pub origin: Origin,
}

impl Cuda {
    /// The newest CUDA that its driver supports, as conda's `__cuda` says it: that of the driver, or with the libraries of
    /// `cuda-compat` that of these.
    pub fn supported(&self) -> String {
        let version = self.version.numbers();
        let by_driver = self.driver.cuda().unwrap_or_default();
        let (major, minor) = if self.compat { by_driver.max(version) } else { by_driver };
        format!("{major}.{minor}")
    }

    /// The lowest compute capability, which is conda's `__cuda_arch`; nothing where none is said.
    pub fn lowest_capability(&self) -> Option<&Capability> {
        self.arch.first()
    }

    /// What a driver must support so that the image starts (`NVIDIA_REQUIRE_CUDA`): from CUDA 11 on the first of the major version.
    /// What a space parts are alternatives.
    pub fn requirement(&self) -> String {
        let required = match self.version.numbers() {
            (major, minor) if major < 11 => format!("cuda>={major}.{minor}"),
            (major, _) => format!("cuda>={major}.0"),
        };
        let by_itself = Driver::oldest_for(&self.version).is_none_or(|oldest| self.driver.is_from(&oldest));
        if !self.compat || by_itself {
            return required;
        }
        // The libraries for older drivers work with GPUs of data centres alone, which drivers call by the brand of the first of them.
        format!("{required} brand=tesla,driver>={}", self.driver.branch())
    }

    /// The conda packages that it asks for.
    pub fn packages(&self) -> Vec<&'static str> {
        let is_old = self.version.numbers().0 < 12;
        let mut packages = match self.toolkit {
            Toolkit::None => Vec::new(),
            Toolkit::Runtime if is_old => vec!["cudatoolkit"],
            Toolkit::Runtime => vec!["cuda-runtime"],
            Toolkit::Devel if is_old => vec!["cudatoolkit", "cuda-nvcc"],
            Toolkit::Devel => vec!["cuda-toolkit"],
        };
        packages.extend(self.compat.then_some("cuda-compat"));
        packages
    }

    /// The same for an environment beside the default one: it is for the same machines, and the toolkit is in the image once.
    pub(crate) fn without_toolkit(&self) -> Self {
        Self { toolkit: Toolkit::None, compat: false, ..self.clone() }
    }

    /// Where the packages of the toolkit cannot come from: there is no conda environment.
    fn needs_conda(&self) -> Option<Problem> {
        let package = self.packages().first().copied()?;
        let origin = self.toolkit_origin.as_ref().unwrap_or(&self.origin);
        let problem = Problem::new(SpecMistake::ToolkitWithoutConda { package: package.to_owned() });
        Some(problem.at(origin.source(), origin.span(), "asked for here").hint(
            "take Python from conda or name packages in `[conda]`; wheels bring what they need of CUDA themselves",
        ))
    }

    /// What of the toolkit a lock of another tool lacks: it is taken as it is.
    pub(crate) fn lacking_in(&self, locked: &LockedPackages) -> Option<Problem> {
        // What came before, and what brings it along.
        let brought: &[&str] = match self.toolkit {
            Toolkit::None => &[],
            Toolkit::Runtime => {
                &["cuda-runtime", "cuda-toolkit", "cuda", "cuda-libraries", "cudatoolkit", "pytorch-cuda"]
            }
            Toolkit::Devel => &["cuda-toolkit", "cuda", "cuda-nvcc", "cudatoolkit-dev"],
        };
        let lacks =
            |names: &[&str]| !names.is_empty() && names.iter().all(|name| locked.version(name).is_none());
        let (package, key) = match brought.first() {
            Some(first) if lacks(brought) => (*first, "cuda.toolkit"),
            _ if self.compat && lacks(&["cuda-compat"]) => ("cuda-compat", "cuda.compat"),
            _ => return None,
        };
        let problem = Problem::new(SpecMistake::LockLacks {
            file: locked.file.clone(),
            found: format!("no package `{package}`"),
            key: key.to_owned(),
            wanted: "it".to_owned(),
        });
        let problem = problem.at(locked.origin.source(), locked.origin.span(), "this lock");
        Some(
            problem
                .hint(format!("add `{package}` to the environment before it is locked, or remove the key")),
        )
    }
}

/// An index of PyTorch whose wheels the image's driver does not run, or that do not use CUDA.
fn wrong_backend(cuda: &Cuda, pytorch: &Pytorch) -> Option<Problem> {
    let origin = pytorch.backend_origin.as_ref()?;
    let backend = pytorch.backend;
    let (mistake, hint) = match backend {
        TorchBackend::Cpu => {
            let mistake = SpecMistake::ProcessorIndex { version: cuda.version.to_string() };
            (
                mistake,
                "leave it out, or leave `cuda` out: such an image is for the processor alone".to_owned(),
            )
        }
        TorchBackend::Cuda(major, _) if major > cuda.version.numbers().0 => {
            let newest = TorchBackend::newest_for(cuda.version.numbers());
            let mistake = SpecMistake::NewIndex {
                backend: backend.to_string(),
                major,
                version: cuda.version.to_string(),
            };
            let older = newest.map(|it| format!("`torch-backend = \"{it}\"`, or ")).unwrap_or_default();
            (mistake, format!("write {older}`cuda = \"{major}.0\"`"))
        }
        _ => return None,
    };
    let problem = Problem::new(mistake).at(origin.source(), origin.span(), "this index");
    Some(problem.at(cuda.origin.source(), cuda.origin.span(), "what the image is for").hint(hint))
}

/// CUDA, and what is wrong with it, by itself and beside what else the spec says; none where its driver is not known.
pub(crate) fn cuda(
    key: Option<Located<CudaKey>>,
    has_conda: bool,
    pytorch: &Pytorch,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Option<Cuda> {
    let cuda = read(key?, source, problems)?;
    problems.extend(if has_conda { None } else { cuda.needs_conda() });
    problems.extend(wrong_backend(&cuda, pytorch));
    Some(cuda)
}

fn read(located: Located<CudaKey>, source: &Source, problems: &mut Vec<Problem>) -> Option<Cuda> {
    let origin = located.origin(source);
    let table = match located.value {
        CudaKey::Short(version) => {
            let driver = driver(None, &version, false, &origin, problems)?;
            return Some(Cuda {
                version,
                toolkit: Toolkit::default(),
                toolkit_origin: None,
                driver,
                arch: Vec::new(),
                compat: false,
                visible_devices: VisibleDevices::default(),
                duplicates: Duplicates::default(),
                origin,
            });
        }
        CudaKey::Table(table) => *table,
    };
    let compat = table.compat.as_ref().is_some_and(|compat| compat.value);
    let version_origin = table.version.origin(source);
    let driver = driver(table.driver, &table.version.value, compat, &version_origin, problems);
    let arch = arch(table.arch, &table.version, source, problems);
    Some(Cuda {
        version: table.version.value,
        toolkit: table.toolkit.as_ref().map(|toolkit| toolkit.value).unwrap_or_default(),
        toolkit_origin: table
            .toolkit
            .map(|it| it.origin(source))
            .or(table.compat.map(|it| it.origin(source))),
        driver: driver?,
        arch,
        compat,
        visible_devices: table.visible_devices,
        duplicates: table.duplicates,
        origin,
    })
}

/// The driver: the one that is named, or the oldest that will do.
fn driver(
    named: Option<Located<Driver>>,
    version: &CudaVersion,
    compat: bool,
    origin: &Origin,
    problems: &mut Vec<Problem>,
) -> Option<Driver> {
    let by_itself = Driver::oldest_for(version);
    let with_compat = compat.then(|| Driver::oldest_with_compat(version)).flatten();
    let Some(named) = named else {
        if by_itself.is_none() {
            let problem = Problem::new(SpecMistake::UnknownCuda { version: version.to_string() });
            let problem = problem.at(origin.source(), origin.span(), "this version");
            problems.push(problem.hint(format!(
                "say which driver it needs: `cuda = {{ version = \"{version}\", driver = \"…\" }}`"
            )));
        }
        return by_itself;
    };
    let Some(oldest) = with_compat.or(by_itself) else { return Some(named.value) };
    if !named.value.is_from(&oldest) {
        problems.push(too_old(&named, version, &oldest, compat, origin));
    }
    Some(named.value)
}

fn too_old(
    named: &Located<Driver>,
    version: &CudaVersion,
    oldest: &Driver,
    compat: bool,
    origin: &Origin,
) -> Problem {
    let mut ways = vec![format!("`driver = \"{oldest}\"` or a newer one")];
    let supported = named.value.cuda().map(|(major, minor)| format!("{major}.{minor}"));
    let runs = |version: &String| {
        let version = version.parse().ok();
        version.and_then(|it| Driver::oldest_for(&it)).is_some_and(|oldest| named.value.is_from(&oldest))
    };
    ways.extend(supported.filter(runs).map(|it| format!("`version = \"{it}\"`, which that driver supports")));
    let helps = Driver::oldest_with_compat(version).filter(|it| !compat && named.value.is_from(it));
    ways.extend(helps.map(|_| "`compat = true` for GPUs of data centres".to_owned()));
    let mistake = SpecMistake::OldDriver {
        version: version.to_string(),
        oldest: oldest.to_string(),
        driver: named.value.to_string(),
    };
    let problem = Problem::new(mistake).at(origin.source(), named.span.clone(), "this driver");
    problem.at(origin.source(), origin.span(), "this version").hint(format!("write {}", ways.join(", or ")))
}

/// The compute capabilities, the lowest first.
fn arch(
    named: Option<Located<Vec<Located<Capability>>>>,
    version: &Located<CudaVersion>,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Vec<Capability> {
    let Some(named) = named else { return Vec::new() };
    list::check_unique("cuda.arch", &named.value, source, problems);
    for capability in &named.value {
        let Some(lacking) = capability.value.lacks_kernels_in(&version.value) else { continue };
        problems.push(no_kernels(capability, lacking, version, source));
    }
    let mut arch: Vec<Capability> = named.value.into_iter().map(|located| located.value).collect();
    arch.sort_by_key(Capability::numbers);
    arch
}

fn no_kernels(
    capability: &Located<Capability>,
    lacking: NoKernels,
    version: &Located<CudaVersion>,
    source: &Source,
) -> Problem {
    let (arch, own) = (capability.value.to_string(), version.value.to_string());
    if lacking == NoKernels::Unknown {
        let problem = Problem::new(SpecMistake::NoSuchCapability { arch });
        let problem = problem.at(source, capability.span.clone(), "this one");
        return problem.hint("`nvidia-smi --query-gpu=compute_cap --format=csv` shows that of a machine");
    }
    let (needs, hint) = match lacking {
        NoKernels::Since(major, minor) => {
            let hint = format!("write `version = \"{major}.{minor}\"` or a newer one, or leave the GPU out");
            (format!("needs CUDA {major}.{minor} or newer"), hint)
        }
        NoKernels::Until(major, minor) => {
            let hint = format!("write a version before {major}.{minor}, or leave the GPU out");
            (format!("needs a CUDA before {major}.{minor}"), hint)
        }
        NoKernels::Unknown => Default::default(),
    };
    let problem = Problem::new(SpecMistake::Kernels { arch, needs, version: own });
    let problem = problem.at(source, capability.span.clone(), "this GPU");
    problem.at(source, version.span.clone(), "this version").hint(hint)
}
