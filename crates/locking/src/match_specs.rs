//! What conda is asked for, by all that a variant says.

use imgbuild_requirement::{PipRequirement, RequirementSource};
use imgbuild_spec::{CondaPackages, Cuda, PipPackages, PythonFrom, Variant};

use crate::other_locks;

/// What conda is asked for: the spec's packages, its Python, its manager, and CUDA's toolkit.
pub(crate) fn match_specs(variant: &Variant, conda: &imgbuild_spec::Conda) -> Vec<String> {
    let mut specs: Vec<String> = match &conda.packages {
        CondaPackages::Requirements(requirements) => requirements.iter().map(|it| it.text.public()).collect(),
        CondaPackages::Locked(locked) => return other_locks::exported(locked),
    };
    if let Some(python) = variant.python.as_ref().filter(|python| python.from == PythonFrom::Conda) {
        specs.push(format!("python {}.*", python.version));
    }
    specs.extend(conda.manager.package().map(str::to_owned));
    specs.extend(variant.cuda.iter().flat_map(Cuda::packages).map(str::to_owned));
    specs
}

/// What pip brings along, and the wheels' requirements may want in another version than the newest: what conda has is not
/// replaced by a wheel.
const BESIDE_PIP: [&str; 2] = ["setuptools", "wheel"];

/// What the wheels' requirements say of the packages that come with pip.
pub(crate) fn constraints(variant: &Variant) -> Vec<String> {
    let Some(pip) = &variant.pip else { return Vec::new() };
    let requirements = match &pip.packages {
        PipPackages::Requirements(requirements) => requirements.as_slice(),
        PipPackages::Pylock(_) | PipPackages::Listed(_) => &[],
    };
    let speaks_of = |it: &&PipRequirement| {
        let named = it.name.as_ref().is_some_and(|name| BESIDE_PIP.contains(&name.as_str()));
        named && it.source == RequirementSource::Index && it.marker.is_none()
    };
    let all = requirements.iter().chain(&pip.constraints).filter(speaks_of);
    all.map(|requirement| requirement.text.public()).collect()
}
