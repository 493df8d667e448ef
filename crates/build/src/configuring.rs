//! Debian packages that dpkg configures: what it changes is a layer of the base.

use debian::{Configuration, ConfigurationError};
use layer::{EntrySink, Parents, Part, Role};
use sandbox::Machine;
use spec::Requirement;
use store::LayerRecord;

use crate::derived::{Derived, Execution};
use crate::{BuildError, Context, remover};

/// The configuration of a variant's base, and where its packages were asked for.
pub(crate) struct Configuring {
    variant: String,
    configuration: Configuration,
    parents: Parents,
    asked: Vec<Requirement>,
}

impl Configuring {
    /// `parents` are the folders of the base that are not like others; `asked` are the packages that the spec names.
    pub(crate) fn new(
        variant: String,
        configuration: Configuration,
        parents: Parents,
        asked: &[Requirement],
    ) -> Self {
        Self { variant, configuration, parents, asked: asked.to_vec() }
    }

    /// The error, with the lines that asked for the package that failed, or for all where none is known.
    fn failed(&self, error: ConfigurationError) -> BuildError {
        let names: Vec<String> = self.asked.iter().map(|it| it.text.public()).collect();
        let packages = match &error {
            ConfigurationError::Failed { package: Some(package), .. } => vec![package.clone()],
            _ => self.configuration.names(),
        };
        let leads: Vec<String> =
            packages.iter().flat_map(|package| self.configuration.asked_for(package, &names)).collect();
        let asked = self.asked.iter().filter(|it| leads.contains(&it.text.public()));
        let asked = asked.map(|it| it.origin.snippet("it was asked for here", "this package")).collect();
        BuildError::Configure { variant: self.variant.clone(), error: Box::new(error), asked }
    }
}

impl Derived for Configuring {
    fn part(&self) -> &Part {
        self.configuration.part()
    }

    /// It is made from the archives: a group of small packages may hold known ones and others.
    fn stands_on(&self, _: Role) -> bool {
        false
    }

    fn execution(&self) -> Execution {
        Execution { what: "maintainer scripts, by dpkg".to_owned(), of: self.configuration.titles() }
    }

    fn write(
        &self,
        _: &[LayerRecord],
        context: &Context,
        sink: &mut dyn EntrySink,
    ) -> Result<(), BuildError> {
        let failed = |error| self.failed(error);
        let machine = Machine::probe().map_err(|error| failed(error.into()))?;
        let scratch = context.store.scratch(remover())?;
        self.configuration.write(&machine, scratch.folder(), &self.parents, sink).map_err(failed)
    }
}
