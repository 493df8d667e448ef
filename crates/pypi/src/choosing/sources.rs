//! Building what is no wheel: what requirements name, and what uv finds only as a source.

use std::path::{Path, PathBuf};

use imgbuild_net::ArchiveRequest;
use imgbuild_secret::SecretText;
use url::Url;

use crate::choosing::building::ProjectSource;
use crate::choosing::explanation::Explanation;
use crate::choosing::locking::{BuiltWheel, Run};
use crate::choosing::locking_error::LockingError;
use crate::choosing::permission::{Permission, named};
use crate::choosing::request::Requirement;
use crate::choosing::uv::Compilation;
use crate::choosing::uv_error::UvError;
use crate::lists::pylock::{self, Choice};
use crate::lists::pylock_error::PylockError;
use crate::lists::stated::{KnownHashes, StatedHashes};
use crate::wheel::filename::WheelFilename;
use crate::wheel::whole_wheel::Wheel;

/// uv's settings of a project that say where packages come from. Others may be about what a project is built of.
const OF_INDEXES: [&str; 12] = [
    "allow-insecure-host",
    "exclude-newer",
    "exclude-newer-package",
    "extra-index-url",
    "find-links",
    "index",
    "index-strategy",
    "index-url",
    "keyring-provider",
    "native-tls",
    "no-index",
    "system-certs",
];

impl Run<'_> {
    /// Refuses sources of which not all may be built, with all that may not.
    ///
    /// # Errors
    ///
    /// When one may not be built.
    pub(crate) fn permit<'b>(
        &self,
        sources: impl IntoIterator<Item = (Option<usize>, &'b ProjectSource)>,
    ) -> Result<(), LockingError> {
        self.request.allow_builds.permit(sources)
    }

    /// Refuses what of a list that is taken as it is would have to be built, and may not be: all of it at once.
    pub(crate) fn permit_choices(&self, choices: Vec<Choice>) -> Result<Vec<Choice>, LockingError> {
        let permitted = self.request.allow_builds.permitted(choices, self.request.environment.tags())?;
        let places = permitted.iter().zip(0..).filter_map(|(choice, place)| match choice {
            Choice::Source { source, .. } => Some((Some(place), source)),
            Choice::Wheel(_) => None,
        });
        self.permit(places)?;
        Ok(permitted)
    }

    /// Builds a wheel, and gives its name.
    pub(crate) async fn build(
        &mut self,
        source: ProjectSource,
        requirement: Option<usize>,
        vouched: KnownHashes<'_>,
    ) -> Result<String, LockingError> {
        let mut source = named(source);
        self.permit([(requirement, &source)])?;
        let what = source.to_string();
        if let ProjectSource::Sdist { filename, url, sha256, size, .. } = &mut source
            && sha256.is_none()
        {
            let wanted = ArchiveRequest {
                name: filename.clone(),
                from: url.clone().into(),
                sha256: None,
                size: *size,
            };
            let (found, path) = self.locking.metadata.archive(wanted).await?;
            check_stated(filename.clone(), path, vouched.stated.clone()).await?;
            *sha256 = Some(found);
        }
        let hashes = vouched.hashes;
        if let (ProjectSource::Sdist { sha256: Some(found), .. }, false) = (&source, hashes.is_empty())
            && !hashes.contains(found)
        {
            return Err(PylockError::Hashes { package: what }.into());
        }
        let name = source.name().map(str::to_owned);
        let built = self.locking.builder.build(source).await;
        let built = built.map_err(|error| LockingError::Build { requirement, what: what.clone(), error })?;
        let filename: WheelFilename = built.filename.parse()?;
        let wrong = |rule: String| LockingError::Built {
            requirement,
            what: what.clone(),
            filename: filename.to_string(),
            rule,
        };
        if name.as_ref().is_some_and(|name| *name != filename.name) {
            return Err(wrong(format!("is not called `{}`", name.unwrap_or_default())));
        }
        if self.request.environment.tags().rank(&filename).is_none() {
            return Err(wrong(format!("does not fit {}", self.request.environment)));
        }
        if let Some(package) = self.provides(&filename.name) {
            return Err(self.conflict(requirement, package, None));
        }
        let (_, wheel) = Wheel::open(&built.archive, &filename).map_err(|error| wrong(error.to_string()))?;
        // uv believes the name.
        let folder = self.scratch.path().join("built");
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(&built.filename);
        if !path.exists() {
            std::os::unix::fs::symlink(std::path::absolute(&built.archive)?, &path)?;
        }
        let name = filename.name;
        let url = Url::from_file_path(&path).map_err(|()| std::io::Error::other("a path is not absolute"))?;
        self.built.insert(name.clone(), BuiltWheel { built, wheel, url });
        Ok(name)
    }

    /// Builds what uv would need, or says why nothing can be chosen.
    pub(crate) async fn build_wanted(
        &mut self,
        lines: &[SecretText],
        explanation: &str,
        target: String,
    ) -> Result<(), LockingError> {
        let mut wanted = Explanation::read(explanation).to_build().clone();
        wanted.retain(|name| !self.built.contains_key(name));
        let allowed = |name: &String| self.request.allow_builds.may_build(Some(name));
        if wanted.is_empty() || !wanted.iter().all(allowed) {
            return Err(self.diagnosed(lines, &wanted, explanation, target).await);
        }
        for name in wanted {
            let requirement = self.place(&name).or_else(|| self.blamed(explanation));
            let source = self.source(&name, explanation, &target).await?;
            let vouched = KnownHashes { hashes: &[], stated: &StatedHashes::default() };
            self.build(source, requirement, vouched).await?;
        }
        Ok(())
    }

    /// The source distribution that uv would choose. Nothing is built for that: its metadata is stated to be empty.
    pub(crate) async fn source(
        &self,
        name: &str,
        explanation: &str,
        target: &str,
    ) -> Result<ProjectSource, LockingError> {
        let folder = self.scratch.path().join(format!("source-{name}"));
        std::fs::create_dir_all(&folder)?;
        self.state_no_dependencies(&[name], &folder)?;
        // By name alone: what a URL names could be built for its metadata.
        let by_name = |requirement: &Requirement| {
            let dependency = requirement.dependency()?;
            (dependency.name == name && dependency.versions.is_some()).then(|| requirement.text().clone())
        };
        let mut requirements: Vec<SecretText> =
            self.requirements().filter_map(|(_, it)| by_name(it)).collect();
        requirements.push(SecretText::new(name));
        let request = self.request;
        let compilation = Compilation {
            requirements,
            constraints: request.constraints.clone(),
            folder: folder.clone(),
            scratch: folder.clone(),
            dependencies: false,
            sources: true,
            ..self.locking.compilation(request)
        };
        let unsatisfiable = || self.unsatisfiable(explanation, target.to_owned());
        let text = self.locking.uv.run(compilation).await.map_err(|error| match error {
            UvError::Unsatisfiable { .. } => unsatisfiable(),
            error => error.into(),
        })?;
        let hashes = self.hashes();
        let choices = pylock::read(&text, self.reading(&folder, false, &hashes))?;
        let source = choices.into_iter().find_map(|choice| match choice {
            Choice::Source { source, .. } => Some(source),
            Choice::Wheel(_) => None,
        });
        source.ok_or_else(unsatisfiable)
    }

    /// Writes settings for uv into a folder: those of the spec's folder, and that the source distributions of these names
    /// require nothing, so that nothing is built to find that out.
    pub(crate) fn state_no_dependencies(&self, names: &[&str], folder: &Path) -> Result<(), LockingError> {
        let mut settings =
            crate::index::settings::project_settings(&self.request.folder)?.unwrap_or_default();
        settings.retain(|key, _| OF_INDEXES.contains(&key));
        let stated = |name: &&str| {
            let mut table = toml::Table::new();
            table.insert("name".to_owned(), toml::Value::from(*name));
            table.insert("requires-dist".to_owned(), toml::Value::Array(Vec::new()));
            toml::Value::Table(table)
        };
        let stated = toml::Value::Array(names.iter().map(stated).collect());
        settings.insert("dependency-metadata".to_owned(), stated);
        std::fs::write(folder.join("uv.toml"), settings.to_string())?;
        Ok(())
    }
}

/// Holds a file against what is stated of it.
///
/// # Errors
///
/// When it is another one.
pub(crate) async fn check_stated(
    name: String,
    path: PathBuf,
    stated: StatedHashes,
) -> Result<(), LockingError> {
    let checked = tokio::task::spawn_blocking(move || stated.check(&name, &path)).await;
    Ok(checked.map_err(std::io::Error::other)??)
}
