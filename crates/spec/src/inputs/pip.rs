//! What a lock depends on of what is said of wheels.

use imgbuild_environment::ListedPackage;
use imgbuild_oci::Digest;
use imgbuild_requirement::{FindLinks, PipRequirement, ProjectName, RequirementSource};
use serde::Serialize;

use crate::pip::{AllowBuilds, Pip, PipPackages, Pytorch};
use crate::values::TorchBackend;

#[derive(Serialize)]
pub(super) struct PipInputs {
    requirements: Vec<RequirementInputs>,
    /// The digest of a `pylock.toml`.
    pylock: Option<Digest>,
    /// Where each listed package is, and the hash of its file.
    wheels: Vec<(String, Option<String>)>,
    constraints: Vec<String>,
    index_url: Option<String>,
    extra_index_urls: Vec<String>,
    /// Only where there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    find_links: Vec<String>,
    /// Only where it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_index: Option<bool>,
    prereleases: bool,
    require_hashes: bool,
    /// Nothing for everything.
    allow_builds: Option<Vec<ProjectName>>,
    /// Only where it is not left to us.
    #[serde(skip_serializing_if = "Option::is_none")]
    torch_backend: Option<TorchBackend>,
}

#[derive(Serialize)]
struct RequirementInputs {
    text: String,
    editable: bool,
    hashes: Vec<Digest>,
}

/// The parts of a section that locking reads.
pub(super) fn pip_inputs(pip: &Pip) -> PipInputs {
    let Pip {
        packages,
        constraints,
        index_url,
        extra_index_urls,
        find_links,
        no_index,
        prereleases,
        require_hashes,
        allow_builds,
        writable: _,
        pytorch,
        origin: _,
    } = pip;
    let Pytorch { backend, backend_origin: _, mirror: _ } = pytorch;
    let mut inputs = PipInputs {
        requirements: Vec::new(),
        pylock: None,
        wheels: Vec::new(),
        constraints: constraints.iter().map(ToString::to_string).collect(),
        index_url: index_url.as_ref().map(ToString::to_string),
        extra_index_urls: extra_index_urls.iter().map(ToString::to_string).collect(),
        find_links: find_links.iter().map(FindLinks::shown).collect(),
        no_index: no_index.then_some(true),
        prereleases: *prereleases,
        require_hashes: *require_hashes,
        allow_builds: match allow_builds {
            AllowBuilds::None => Some(Vec::new()),
            AllowBuilds::Named(names) => Some(names.clone()),
            AllowBuilds::All => None,
        },
        torch_backend: Some(*backend).filter(|backend| *backend != TorchBackend::Auto),
    };
    match packages {
        PipPackages::Requirements(requirements) => {
            inputs.requirements = requirements.iter().map(requirement_inputs).collect();
        }
        PipPackages::Pylock(file) => inputs.pylock = Some(Digest::of(file.inputs())),
        PipPackages::Listed(listed) => inputs.wheels = listed.packages.iter().map(listed_inputs).collect(),
    }
    inputs
}

/// A package of another tool's lock.
fn listed_inputs(package: &ListedPackage) -> (String, Option<String>) {
    let place = match &package.source {
        RequirementSource::Index => String::new(),
        RequirementSource::Url(url) => url.to_string(),
        RequirementSource::Git { url, revision, subdirectory } => {
            format!("git+{url}@{}#{}", plain(revision), plain(subdirectory))
        }
        RequirementSource::Path { path, .. } => path.display().to_string(),
    };
    let md5 = package.md5.map(|md5| md5.to_string());
    (place, package.sha256.map(|sha256| sha256.to_string()).or(md5))
}

fn plain(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or_default()
}

fn requirement_inputs(requirement: &PipRequirement) -> RequirementInputs {
    RequirementInputs {
        text: requirement.to_string(),
        editable: matches!(requirement.source, RequirementSource::Path { editable: true, .. }),
        hashes: requirement.hashes.clone(),
    }
}
