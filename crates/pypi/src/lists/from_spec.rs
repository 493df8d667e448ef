//! What a spec says of wheels, as it is locked: paths are whole, and variables are in their places.

use std::path::{Path, PathBuf};

use imgbuild_requirement::{FindLinks, PipRequirement, PipUrl, RequirementSource};
use imgbuild_secret::{SecretText, SecretUrl};
use imgbuild_spec::{Pip, TorchBackend};
use url::Url;

use crate::choosing::building::ProjectSource;
use crate::choosing::request::Requirement;
use crate::index::pytorch::PytorchIndex;
use crate::index::settings::Indexes;
use crate::index::settings_files::Variables;

/// Where the spec and its files say that packages are looked for. A folder that is not there is passed over, as pip does it:
/// for uv it is an error.
pub fn indexes(pip: &Pip, folder: &Path) -> Indexes {
    let link = |link: &FindLinks| match link {
        FindLinks::Url(url) => Some(url.secret().clone()),
        FindLinks::Path(path) => {
            let path = folder.join(path);
            path.exists().then(|| SecretText::new(path.display().to_string()))
        }
    };
    Indexes {
        index_url: pip.index_url.as_ref().map(|url| url.secret().clone()),
        extra_index_urls: pip.extra_index_urls.iter().map(|url| url.secret().clone()).collect(),
        find_links: pip.find_links.iter().filter_map(link).collect(),
        no_index: pip.no_index,
        pytorch_mirror: pip.pytorch.mirror.as_ref().map(|url| url.secret().clone()),
    }
}

/// Which of PyTorch's indexes a spec with this CUDA, as major and minor, takes its wheels from.
pub fn pytorch(pip: &Pip, cuda: Option<(u16, u16)>) -> PytorchIndex {
    let backend = match pip.pytorch.backend {
        TorchBackend::Auto => cuda.and_then(TorchBackend::newest_for),
        TorchBackend::None => None,
        named => Some(named),
    };
    PytorchIndex {
        backend: backend.map(|backend| backend.to_string()),
        gives_way: pip.pytorch.backend == TorchBackend::Auto,
    }
}

/// A requirement of the spec, as it is locked.
///
/// # Errors
///
/// What is wrong with it, without any variable's value.
pub fn requirement(
    given: &PipRequirement,
    folder: &Path,
    variables: &Variables,
) -> Result<Requirement, String> {
    let source = source(given, folder, variables)?;
    let mut requirement = Requirement::of_line(given.text.clone());
    requirement.source = source;
    requirement.extras.clone_from(&given.extras);
    requirement.marker.clone_from(&given.marker);
    requirement.hashes.clone_from(&given.hashes);
    Ok(requirement)
}

/// What a requirement is to be built from; nothing where it is a wheel or comes from an index. The error says what is wrong,
/// and shows no variable's value.
fn source(
    given: &PipRequirement,
    folder: &Path,
    variables: &Variables,
) -> Result<Option<ProjectSource>, String> {
    if !given.source.is_built() {
        return Ok(None);
    }
    let name = given.name.as_ref().map(ToString::to_string);
    let url = |given: &PipUrl| url(given, variables);
    let sdist = |url: SecretUrl| {
        let filename = url.whole().path().rsplit('/').next().unwrap_or_default().to_owned();
        let sha256 = match given.hashes.as_slice() {
            [only] => Some(*only),
            _ => None,
        };
        let fragment = url.whole().fragment().unwrap_or_default().split('&');
        let subdirectory = fragment.filter_map(|part| part.strip_prefix("subdirectory=")).next();
        ProjectSource::Sdist {
            name: name.clone(),
            version: None,
            filename,
            direct: true,
            sha256,
            size: None,
            subdirectory: subdirectory.map(str::to_owned),
            url,
        }
    };
    Ok(match &given.source {
        RequirementSource::Index => None,
        RequirementSource::Url(named) => Some(sdist(url(named)?)),
        RequirementSource::Git { url: named, revision, subdirectory } => Some(ProjectSource::Git {
            name,
            url: url(named)?,
            revision: revision.clone(),
            subdirectory: subdirectory.clone(),
        }),
        RequirementSource::Path { path, editable } => {
            let whole: PathBuf = folder.join(path);
            if whole.is_file() {
                let url = Url::from_file_path(&whole).map_err(|()| "no URL can name its path".to_owned())?;
                return Ok(Some(sdist(url.into())));
            }
            let given = path.display().to_string();
            Some(ProjectSource::Folder { name, path: whole, given, editable: *editable })
        }
    })
}

/// A URL of the spec, with its variables in their places.
fn url(given: &PipUrl, variables: &Variables) -> Result<SecretUrl, String> {
    let text = imgbuild_secret::expanded(given.secret().whole(), variables);
    // A URL's reader would take the first folder of the path for the host.
    let error = match text.split_once("://") {
        Some((scheme, rest)) if rest.starts_with(['/', '\\', '?', '#']) && !scheme.ends_with("file") => {
            "it names no host".to_owned()
        }
        _ => match text.parse::<SecretUrl>() {
            Ok(url) => return Ok(url),
            Err(error) => error.to_string(),
        },
    };
    Err(format!("with its variables in their places it is no URL: {error}"))
}
