//! Holding an image against the table.

use imgbuild_spec::Contract;

use crate::conditions;
use crate::contracts::terms;
use crate::demand::{Demand, Scope};
use crate::image::Inspected;
use crate::trial_run::Container;
use crate::verdict::Verdict;

/// What holds an image against the table.
pub struct Judge<'a> {
    /// The image.
    pub image: &'a Inspected,
    /// What runs it; why nothing does, where it cannot be run here.
    pub container: Result<Container<'a>, String>,
}

/// What became of one demand of a platform.
#[derive(Debug)]
pub struct Line {
    /// The platform.
    pub contract: Contract,
    /// The demand.
    pub demand: &'static Demand,
    /// What became of it.
    pub verdict: Verdict,
}

impl Judge<'_> {
    /// What becomes of all demands of a platform, in the table's order. It runs the image, and may take minutes.
    pub fn lines(&self, contract: Contract) -> Vec<Line> {
        let demands = terms(contract).demands.iter();
        demands.map(|demand| Line { contract, demand, verdict: self.verdict(demand) }).collect()
    }

    fn verdict(&self, demand: &'static Demand) -> Verdict {
        let image = self.image;
        let of = match demand.scope {
            Scope::All => None,
            Scope::Jupyter => (!image.has_jupyter()).then_some("it has no Jupyter"),
            Scope::Python => image.python().is_none().then_some("it has no Python"),
            Scope::Cuda => (!image.has_cuda()).then_some("it has no CUDA"),
            Scope::Serving => image.ports().is_empty().then_some("it listens on no port"),
        };
        if let Some(other) = of {
            return Verdict::Other(other);
        }
        match conditions::look(demand.condition, image) {
            Ok(verdict) => verdict,
            Err(trial) => match &self.container {
                Ok(container) => container.run(trial, image),
                Err(why) => Verdict::Unknown(why.clone()),
            },
        }
    }
}
