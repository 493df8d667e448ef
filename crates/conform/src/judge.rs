//! Holding an image against the table.

use std::cell::RefCell;

use imgbuild_spec::Contract;

use crate::conditions;
use crate::contracts::terms;
use crate::demand::{Demand, Scope};
use crate::image::Inspected;
use crate::trial::Trial;
use crate::trial_run::Container;
use crate::verdict::Verdict;

/// What holds an image against the table.
pub struct Judge<'a> {
    image: &'a Inspected,
    container: Result<Container<'a>, String>,
    /// What was tried, and what became of it.
    tried: RefCell<Vec<(&'static Trial, Verdict)>>,
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

impl<'a> Judge<'a> {
    /// What holds `image` against the table. `container` runs it, or says why nothing does here.
    pub fn new(image: &'a Inspected, container: Result<Container<'a>, String>) -> Self {
        Self { image, container, tried: RefCell::default() }
    }

    /// What becomes of all demands of a platform, in the table's order. It runs the image, and may take minutes.
    pub fn lines(&self, contract: Contract) -> Vec<Line> {
        let demands = terms(contract).demands.iter();
        let verdict = |demand: &'static Demand| match self.verdict(demand) {
            Verdict::Fails(found) if demand.is_advice => Verdict::Advised(found),
            verdict => verdict,
        };
        demands.map(|demand| Line { contract, demand, verdict: verdict(demand) }).collect()
    }

    fn verdict(&self, demand: &'static Demand) -> Verdict {
        let image = self.image;
        let of = match demand.scope {
            Scope::All => None,
            Scope::Jupyter => (!image.has_jupyter()).then_some("it has no Jupyter"),
            Scope::Python => image.python().is_none().then_some("it has no Python"),
            Scope::Cuda => (!image.has_cuda()).then_some("it has no CUDA"),
            Scope::Hub => image.program("jupyterhub-singleuser").is_none().then_some("no hub spawns it"),
            Scope::Silent => (!image.ports().is_empty()).then_some("it listens on a port"),
            Scope::Serving => image.ports().is_empty().then_some("it listens on no port"),
        };
        if let Some(other) = of {
            return Verdict::Other(other);
        }
        match conditions::look(demand.condition, image) {
            Ok(verdict) => verdict,
            Err(trial) => self.tried(trial),
        }
    }

    /// Tries an image once in each way.
    fn tried(&self, trial: &'static Trial) -> Verdict {
        if let Some((_, verdict)) = self.tried.borrow().iter().find(|(known, _)| *known == trial) {
            return verdict.clone();
        }
        let verdict = match &self.container {
            Ok(container) => container.run(trial, self.image),
            Err(why) => Verdict::Unknown(why.clone()),
        };
        self.tried.borrow_mut().push((trial, verdict.clone()));
        verdict
    }
}
