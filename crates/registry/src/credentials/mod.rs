//! Where the credentials for registries are: in variables, in the files of podman and docker, and with the programs that these
//! name. Nothing is read before a registry is to be shown something.

mod config_file;
mod error;
mod helper;
mod helper_name;
mod listing;
mod login;
mod named;
mod place;
mod storing;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use imgbuild_oci::RegistryHost;

use self::config_file::ConfigFile;
pub use self::error::CredentialError;
use self::helper::Helpers;
pub use self::helper_name::HelperName;
pub use self::listing::{Keeper, KeptCredential};
pub use self::login::Login;
use self::named::Named;
pub use self::storing::{KeptIn, Removed};
use crate::credential::{Credential, CredentialFailure, CredentialSource};
use crate::limits::HELPER_SECONDS;

/// Variables of a process.
type Variables = BTreeMap<String, String>;

/// The variable that holds a whole file of credentials, for docker and for GitLab's runners.
const WHOLE_FILE: &str = "DOCKER_AUTH_CONFIG";

/// Where this machine keeps credentials for registries.
#[derive(Clone)]
pub struct Credentials {
    named: Option<Named>,
    /// What [`WHOLE_FILE`] holds.
    whole_file: Option<String>,
    files: Files,
    helpers: Helpers,
}

/// The files of credentials.
#[derive(Debug, Clone)]
enum Files {
    /// The one that `REGISTRY_AUTH_FILE` names.
    Named(PathBuf),
    /// Those of podman and docker, in the order in which they are asked.
    Usual {
        /// All of them.
        all: Vec<PathBuf>,
        /// docker's, which is made where none is there.
        docker: Option<PathBuf>,
    },
}

impl Files {
    fn all(&self) -> &[PathBuf] {
        match self {
            Self::Named(path) => std::slice::from_ref(path),
            Self::Usual { all, .. } => all,
        }
    }
}

/// A credential, and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundCredential {
    /// The credential.
    pub credential: Credential,
    /// The variable, the file or the program.
    pub from: String,
}

impl fmt::Debug for Credentials {
    /// Without what variables hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Where credentials are looked for by these variables of a process.
    ///
    /// # Errors
    ///
    /// When variables contradict one another.
    pub fn of_machine(variables: &Variables) -> Result<Self, CredentialError> {
        let set = |name: &str| variables.get(name).filter(|value| !value.is_empty());
        let seconds = |text: &String| {
            let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
            seconds.map(Duration::from_secs).ok_or_else(|| CredentialError::Timeout(text.clone()))
        };
        let patience = set("IMGBUILD_CREDENTIAL_HELPER_TIMEOUT").map(seconds).transpose()?;
        let folders = set("PATH").map(|path| std::env::split_paths(path).collect()).unwrap_or_default();
        Ok(Self {
            named: Named::read(variables)?,
            whole_file: set(WHOLE_FILE).cloned(),
            files: files(variables),
            helpers: Helpers { folders, patience: patience.unwrap_or(Duration::from_secs(HELPER_SECONDS)) },
        })
    }

    /// What is shown to a registry for one of its repositories; nothing where nothing is known for it.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or a program that keeps credentials fails.
    pub async fn find(
        &self,
        host: &RegistryHost,
        repository: &str,
    ) -> Result<Option<Credential>, CredentialError> {
        Ok(self.find_with_origin(host, repository).await?.map(|found| found.credential))
    }

    /// The same, with where it is from.
    ///
    /// # Errors
    ///
    /// As [`Credentials::find`].
    pub async fn find_with_origin(
        &self,
        host: &RegistryHost,
        repository: &str,
    ) -> Result<Option<FoundCredential>, CredentialError> {
        if let Some(named) = &self.named
            && let Some(credential) = named.credential(host, repository)
        {
            let from = named.variable().to_owned();
            return Ok(Some(FoundCredential { credential: credential.clone(), from }));
        }
        for path in self.files.all() {
            let Some(file) = self.read(path)? else { continue };
            let found = self.find_in(&file, &path.display().to_string(), host, repository).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        // Behind the files: GitLab has it for its runners, and whoever logs in within a job means that.
        let Some(text) = &self.whole_file else { return Ok(None) };
        let file = ConfigFile::parse(WHOLE_FILE, text.as_bytes())?;
        self.find_in(&file, WHOLE_FILE, host, repository).await
    }

    /// What a file has: the program that it names is asked first, as docker and podman do.
    async fn find_in(
        &self,
        file: &ConfigFile,
        of: &str,
        host: &RegistryHost,
        repository: &str,
    ) -> Result<Option<FoundCredential>, CredentialError> {
        if let Some(helper) = file.helper(host)?
            && let Some(credential) = self.helpers.get(&helper).await?
        {
            return Ok(Some(FoundCredential { credential, from: helper.program }));
        }
        let credential = file.credential(host, repository)?;
        Ok(credential.map(|credential| FoundCredential { credential, from: of.to_owned() }))
    }

    fn read(&self, path: &Path) -> Result<Option<ConfigFile>, CredentialError> {
        let file = ConfigFile::read(path)?;
        match (&file, &self.files) {
            (None, Files::Named(path)) => Err(CredentialError::NoFile(path.clone())),
            _ => Ok(file),
        }
    }
}

#[async_trait::async_trait]
impl CredentialSource for Credentials {
    async fn credential(
        &self,
        host: &RegistryHost,
        repository: &str,
    ) -> Result<Option<Credential>, CredentialFailure> {
        Ok(self.find(host, repository).await?)
    }
}

/// The files of credentials, the first first: podman's and then docker's (containers-auth.json(5)).
fn files(variables: &Variables) -> Files {
    let set = |name: &str| variables.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = set("REGISTRY_AUTH_FILE") {
        return Files::Named(path);
    }
    let home = |path: &str| set("HOME").map(|home| home.join(path));
    let runtime = match set("XDG_RUNTIME_DIR") {
        Some(folder) => Some(folder.join("containers/auth.json")),
        // What podman has where nobody logged in to the machine, as in containers and CI. Where root has used it the folder is root's
        // alone, and then none of this user's is in it.
        None => {
            let user = rustix::process::getuid().as_raw().to_string();
            Some(Path::new("/run/containers").join(user).join("auth.json")).filter(|it| is_reachable(it))
        }
    };
    let config = set("XDG_CONFIG_HOME").or_else(|| home(".config"));
    let docker = set("DOCKER_CONFIG").or_else(|| home(".docker")).map(|folder| folder.join("config.json"));
    let podman = config.map(|folder| folder.join("containers/auth.json"));
    let all = [runtime, podman, docker.clone()];
    Files::Usual { all: all.into_iter().flatten().collect(), docker }
}

/// Whether it can be seen whether there is something at a path.
fn is_reachable(path: &Path) -> bool {
    !path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests;
