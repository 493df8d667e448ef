//! Apptainer, which was Singularity.

use imgbuild_spec::Contract;

use super::{Condition, Demand, NOTHING_IN_HOMES, PYTHON, SHELL, Scope, Terms};

/// Where the differences from docker stand.
const SOURCE: &str = "apptainer/apptainer-userdocs, docker_and_oci.rst";

pub(super) const TERMS: Terms = Terms {
    contract: Contract::Apptainer,
    title: "Apptainer",
    about: "A container runs as whoever starts it, with a read-only root and that person's own home and `/tmp`. `apptainer \
            exec` runs without the entrypoint. The image's environment wins, and a shell evaluates its values.",
    spec: "jupyter = true",
    demands: &[
        Demand {
            says: "a shell that evaluates the values of its environment changes none",
            source: SOURCE,
            scope: Scope::All,
            condition: Condition::PlainValues,
            advice: "write values without `$`, backticks, quotes, backslashes and line breaks in `[image.env]`",
            is_advice: false,
        },
        Demand {
            says: "what lies in `~/.local` of whoever starts it is never imported",
            source: "apptainer/singularity, issue 2600; nipreps/mriqc, issue 775",
            scope: Scope::Python,
            condition: Condition::NoForeignModules,
            advice: "leave `PYTHONUSERBASE` to imgbuild, or write `site-packages = false` in `[user]`",
            is_advice: false,
        },
        NOTHING_IN_HOMES,
        Demand {
            says: "the cache of its dynamic loader is whole",
            source: SOURCE,
            scope: Scope::All,
            condition: Condition::LoaderCache,
            advice: "build on Debian: `base = \"trixie\"`",
            is_advice: false,
        },
        Demand {
            says: "a shell runs as any user, without the entrypoint, with a read-only root",
            source: SOURCE,
            scope: Scope::All,
            condition: Condition::Trial(&SHELL),
            advice: "build on a base that has a shell: `base = \"trixie\"`",
            is_advice: false,
        },
        Demand {
            says: "its Python runs as any user, without the entrypoint, with a read-only root",
            source: SOURCE,
            scope: Scope::Python,
            condition: Condition::Trial(&PYTHON),
            advice: "leave `PATH` to imgbuild, and let everybody read what is copied (`mode` in `[[copy]]`)",
            is_advice: false,
        },
    ],
    examples: &["jupyter", "ssh", "workbench"],
};
