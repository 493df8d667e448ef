//! Choosing wheels: uv chooses, and whatever it cannot choose without more is got for it.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_secret::SecretText;

use crate::choosing::closure::{Closure, Distribution, Walk};
use crate::choosing::locking::{ChosenWheel, Run};
use crate::choosing::locking_error::LockingError;
use crate::choosing::provided::{ProvidedError, ProvidedPackage};
use crate::choosing::request::{Requirement, preferences};
use crate::choosing::stub;
use crate::choosing::uv::Compilation;
use crate::choosing::uv_error::UvError;
use crate::lists::pylock;
use crate::wheel::filename::{normalized, wheel_name};
use crate::wheel::headers::Headers;
use crate::wheel::metadata::Metadata;

impl Run<'_> {
    /// Lets uv choose until nothing new is to be built, and no new extra of what conda provides is asked for. Gives the
    /// wheels, and the names of what conda provides.
    pub(crate) async fn resolve(
        &mut self,
        lines: &[SecretText],
    ) -> Result<(Vec<ChosenWheel>, BTreeSet<String>), LockingError> {
        let roots = self.roots();
        self.read_extras(
            &Closure { environment: &self.request.environment, distributions: BTreeMap::new() }
                .walk(roots.clone()),
        )
        .await?;
        let hashes = self.hashes();
        loop {
            let output = self.scratch.path().to_owned();
            let text = match self.compile(lines, self.constraints()?).await {
                Ok(text) => text,
                Err(UvError::Unsatisfiable { explanation, target }) => {
                    self.build_wanted(lines, &explanation, target).await?;
                    continue;
                }
                Err(error) => return Err(self.pytorch_error(error)),
            };
            let choices = pylock::read(&text, self.reading(&output, false, &hashes))?;
            let (wheels, used) = self.examine(choices).await?;
            if !self.read_extras(&self.closure(&wheels).walk(roots.clone())).await? {
                return Ok((wheels, used));
            }
        }
    }

    /// The names that are asked for, with their extras.
    pub(crate) fn roots(&self) -> Vec<(String, Vec<String>)> {
        let root = |(index, requirement): (usize, &Requirement)| match requirement.dependency() {
            Some(dependency) => Some((dependency.name.clone(), dependency.extras.clone())),
            None => {
                let extras = requirement.extras.iter().map(|extra| normalized(extra));
                let name = self.names.get(&index).cloned().or_else(|| wheel_name(requirement.text().whole()));
                name.map(|name| (name, extras.collect()))
            }
        };
        self.requirements().filter_map(root).collect()
    }

    pub(crate) fn constraints(&self) -> Result<Vec<SecretText>, LockingError> {
        let request = self.request;
        let mut lines = request.constraints.clone();
        let folder = self.scratch.path().join("provided");
        let provided = stub::constraints(&request.provided, &self.metadata, &request.environment, &folder)?;
        lines.extend(provided.into_iter().map(SecretText::from));
        let built = self.built.iter().map(|(name, built)| format!("{name} @ {}", built.url).into());
        lines.extend(built);
        Ok(lines)
    }

    async fn compile(&self, lines: &[SecretText], constraints: Vec<SecretText>) -> Result<String, UvError> {
        self.locking.uv.run(self.compilation(lines, constraints)).await
    }

    /// Lets uv choose as if nobody required the projects of these names.
    pub(crate) async fn compile_without(
        &self,
        lines: &[SecretText],
        names: &BTreeSet<String>,
    ) -> Result<String, UvError> {
        let never = |name: &String| SecretText::new(format!("{name} ; python_version < '0'"));
        let overrides = names.iter().map(never).collect();
        let constraints = self.constraints().map_err(|error| UvError::failed(&error.to_string()))?;
        self.locking.uv.run(Compilation { overrides, ..self.compilation(lines, constraints) }).await
    }

    fn compilation(&self, lines: &[SecretText], constraints: Vec<SecretText>) -> Compilation {
        let request = self.request;
        let mut compilation = Compilation {
            requirements: lines.to_vec(),
            constraints,
            scratch: self.scratch.path().to_owned(),
            preferences: preferences(&request.earlier),
            dependencies: !request.require_hashes,
            ..self.locking.compilation(request)
        };
        self.tell_of_pytorch(&mut compilation);
        compilation
    }

    /// Reads the metadata of provided distributions of which an extra is asked for. Gives whether there were new ones.
    pub(crate) async fn read_extras(&mut self, walk: &Walk) -> Result<bool, LockingError> {
        let asked = walk.extras.iter().filter(|(_, extras)| !extras.is_empty());
        let asked = asked.filter_map(|(name, _)| self.provides(name));
        let new: Vec<_> = asked.filter(|package| !self.metadata.contains_key(&package.name)).collect();
        for package in &new {
            self.read_provided(package).await?;
        }
        Ok(!new.is_empty())
    }

    /// Reads what a provided distribution says of itself.
    pub(crate) async fn read_provided(&mut self, package: &ProvidedPackage) -> Result<(), LockingError> {
        let failed = |error| LockingError::Provided {
            name: package.name.clone(),
            holder: Box::new(package.holder.clone()),
            error,
        };
        let text = self.locking.provided.metadata(&package.name).await.map_err(failed)?;
        let read = Metadata::read(&Headers::read(&text));
        let read = read.map_err(|error| failed(ProvidedError(imgbuild_diagnostic::plain(error))))?;
        self.metadata.insert(package.name.clone(), read);
        Ok(())
    }

    /// What is there: wheels, and what conda provides.
    pub(crate) fn closure<'b>(&'b self, wheels: &'b [ChosenWheel]) -> Closure<'b> {
        let mut distributions = BTreeMap::new();
        for package in &self.request.provided {
            let Some(version) = package.known_version(&self.metadata) else { continue };
            let metadata = self.metadata.get(&package.name);
            let requires = metadata.map(|it| it.requires_dist.as_slice()).unwrap_or_default();
            distributions
                .insert(package.name.as_str(), Distribution { version, requires, extras_only: true });
        }
        for chosen in wheels {
            let metadata = chosen.wheel.metadata();
            let version = chosen.wheel.filename().version.clone();
            let distribution =
                Distribution { version, requires: &metadata.requires_dist, extras_only: false };
            distributions.insert(chosen.package.name.as_str(), distribution);
        }
        Closure { environment: &self.request.environment, distributions }
    }
}
