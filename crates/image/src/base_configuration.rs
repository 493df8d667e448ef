//! Debian packages that dpkg configures: what it changes is a layer of the base.

use imgbuild_debian::{Configuration, ConfigurationError};
use imgbuild_document::Requirement;
use imgbuild_ecosystem::Execution;
use imgbuild_fetch::Context;
use imgbuild_layer::{EntrySink, KeyHasher, Parents, Part, RecipeHash, Role};
use imgbuild_python::Target;
use imgbuild_sandbox::Machine;
use imgbuild_store::LayerRecord;

use crate::bytecode_below::{keyed, over};
use crate::derived::Derived;
use crate::error::{MakeError, MakeFailure};
use crate::unpacked::remover;

/// The configuration of a variant's base, and where its packages were asked for.
pub(crate) struct BaseConfiguration {
    part: Part,
    targets: Vec<Target>,
    variant: String,
    configuration: Configuration,
    parents: Parents,
    asked: Vec<Requirement>,
}

impl BaseConfiguration {
    /// `parents` are the folders of the base that are not like others, `asked` are the packages that the spec names, and
    /// `targets` are the Pythons of the base.
    pub(crate) fn new(
        variant: String,
        configuration: Configuration,
        parents: Parents,
        asked: &[Requirement],
        targets: Vec<Target>,
    ) -> Self {
        let mut part = configuration.part().clone();
        let hasher = KeyHasher::new("configuring").field("inner", part.recipe.0.as_bytes());
        let hasher = keyed(hasher, &targets);
        part.recipe = RecipeHash(hasher.finish());
        Self { part, targets, variant, configuration, parents, asked: asked.to_vec() }
    }

    /// The error, with the lines that asked for the package that failed, or for all where none is known.
    fn failed(&self, error: ConfigurationError) -> MakeError {
        let names: Vec<String> = self.asked.iter().map(|it| it.text.public()).collect();
        let packages = match &error {
            ConfigurationError::Failed { package: Some(package), .. } => vec![package.clone()],
            _ => self.configuration.names(),
        };
        let leads: Vec<String> =
            packages.iter().flat_map(|package| self.configuration.asked_for(package, &names)).collect();
        let asked = self.asked.iter().filter(|it| leads.contains(&it.text.public()));
        let asked = asked.map(|it| it.origin.snippet("it was asked for here", "this package")).collect();
        MakeFailure::Configure { variant: self.variant.clone(), error: Box::new(error), asked }.into()
    }
}

impl Derived for BaseConfiguration {
    fn part(&self) -> &Part {
        &self.part
    }

    /// It is made from the archives: a group of small packages may hold known ones and others. What it changes lies over
    /// what the layers hold.
    fn stands_on(&self, role: Role) -> bool {
        imgbuild_debian::is_of_packages(role)
    }

    fn execution(&self) -> Option<Execution> {
        let of = self.configuration.titles();
        Some(Execution { what: "maintainer scripts, by dpkg".to_owned(), of })
    }

    fn write(
        &self,
        lower: &[LayerRecord],
        context: &Context,
        sink: &mut dyn EntrySink,
    ) -> Result<String, MakeError> {
        let failed = |error| self.failed(error);
        let machine = Machine::probe().map_err(|error| failed(error.into()))?;
        let scratch = context.store.scratch(remover())?;
        let (folder, parents) = (scratch.folder(), &self.parents);
        over(lower, &self.targets, context, |overriding| {
            self.configuration.write(&machine, folder, parents, overriding, sink).map_err(failed)
        })?;
        Ok(String::new())
    }
}
