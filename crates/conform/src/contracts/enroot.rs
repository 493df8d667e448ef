//! enroot, and pyxis, which starts it for Slurm.

use imgbuild_spec::Contract;

use super::{Condition, Demand, PYTHON, SHELL, Scope, Terms};

pub(super) const TERMS: Terms = Terms {
    contract: Contract::Enroot,
    title: "enroot and pyxis",
    about: "A job runs as whoever submitted it, often with a read-only root, without a PID namespace, and without the image's \
            entrypoint: what an image needs has to be in its environment, which wins over the machine's.",
    spec: "jupyter = true",
    demands: &[
        Demand {
            says: "a shell runs as any user, without the entrypoint, with a read-only root",
            source: "NVIDIA/enroot, doc/cmd/start.md; NVIDIA/pyxis, README.md (--container-entrypoint)",
            scope: Scope::All,
            condition: Condition::Trial(&SHELL),
            advice: "build on a base that has a shell: `base = \"trixie\"`",
            is_advice: false,
        },
        Demand {
            says: "its Python runs as any user, without the entrypoint, with a read-only root",
            source: "NVIDIA/enroot, src/docker.sh (the image's environment)",
            scope: Scope::Python,
            condition: Condition::Trial(&PYTHON),
            advice: "leave `PATH` to imgbuild, and let everybody read what is copied (`mode` in `[[copy]]`)",
            is_advice: false,
        },
        Demand {
            says: "GPUs are asked for: without `NVIDIA_VISIBLE_DEVICES` there are none",
            source: "NVIDIA/enroot, conf/hooks/98-nvidia.sh",
            scope: Scope::Cuda,
            condition: Condition::Variable("NVIDIA_VISIBLE_DEVICES", &["", "void", "none"]),
            advice: "write `NVIDIA_VISIBLE_DEVICES = \"all\"` in `[image.env]`",
            is_advice: false,
        },
        Demand {
            says: "to compute on GPUs is asked for",
            source: "NVIDIA/enroot, conf/hooks/98-nvidia.sh",
            scope: Scope::Cuda,
            condition: Condition::VariableHas("NVIDIA_DRIVER_CAPABILITIES", &["compute", "all"]),
            advice: "write `NVIDIA_DRIVER_CAPABILITIES = \"compute,utility\"` in `[image.env]`",
            is_advice: false,
        },
    ],
    examples: &["jupyter", "ssh", "workbench"],
};
