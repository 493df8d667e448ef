//! What says on a machine which of many it is: the variables of those that start many.

use miette::Diagnostic;

use crate::Shard;

/// The variable that says which shard this machine is, from 0, where whoever starts it has no variable of its own.
pub const INDEX: &str = "IMGBUILD_SHARD_INDEX";

/// The variable that says how many shards there are, where whoever starts them has no variable of its own.
pub const COUNT: &str = "IMGBUILD_SHARD_COUNT";

/// Who starts many machines for one task, and tells each which it is.
#[derive(Debug, Clone, Copy)]
pub struct Scheduler {
    /// What it is called.
    pub name: &'static str,
    /// The variable with the number of this machine.
    pub index: &'static str,
    /// How it numbers them.
    pub numbers: Numbers,
    /// The variable with their count.
    pub count: &'static str,
    /// Where it is documented.
    pub source: &'static str,
}

/// How machines are numbered.
#[derive(Debug, Clone, Copy)]
pub enum Numbers {
    /// From a number on, by one.
    From(u32),
    /// From the number that a variable has, in steps of another one's.
    By {
        /// The variable with the least number.
        first: &'static str,
        /// The variable with the step.
        step: &'static str,
    },
}

/// All that are known.
pub const SCHEDULERS: [Scheduler; 12] = [
    Scheduler {
        name: "imgbuild",
        index: INDEX,
        numbers: Numbers::From(0),
        count: COUNT,
        source: "docs/scale.md",
    },
    Scheduler {
        name: "GitLab CI (`parallel`)",
        index: "CI_NODE_INDEX",
        numbers: Numbers::From(1),
        count: "CI_NODE_TOTAL",
        source: "https://docs.gitlab.com/ci/variables/predefined_variables/",
    },
    Scheduler {
        name: "CircleCI (`parallelism`)",
        index: "CIRCLE_NODE_INDEX",
        numbers: Numbers::From(0),
        count: "CIRCLE_NODE_TOTAL",
        source: "https://circleci.com/docs/variables/",
    },
    Scheduler {
        name: "Buildkite (`parallelism`)",
        index: "BUILDKITE_PARALLEL_JOB",
        numbers: Numbers::From(0),
        count: "BUILDKITE_PARALLEL_JOB_COUNT",
        source: "https://buildkite.com/docs/pipelines/configure/environment-variables",
    },
    Scheduler {
        name: "Azure Pipelines (`parallel`)",
        index: "SYSTEM_JOBPOSITIONINPHASE",
        numbers: Numbers::From(1),
        count: "SYSTEM_TOTALJOBSINPHASE",
        source: "https://learn.microsoft.com/azure/devops/pipelines/test/parallel-testing-any-test-runner",
    },
    Scheduler {
        name: "Kubernetes (Indexed Job)",
        index: "JOB_COMPLETION_INDEX",
        numbers: Numbers::From(0),
        // Kubernetes tells a pod no count.
        count: COUNT,
        source: "https://kubernetes.io/docs/tasks/job/indexed-parallel-processing-static/",
    },
    Scheduler {
        name: "Slurm (array)",
        index: "SLURM_ARRAY_TASK_ID",
        numbers: Numbers::By { first: "SLURM_ARRAY_TASK_MIN", step: "SLURM_ARRAY_TASK_STEP" },
        count: "SLURM_ARRAY_TASK_COUNT",
        source: "https://slurm.schedmd.com/job_array.html",
    },
    Scheduler {
        name: "Slurm (`srun`)",
        index: "SLURM_PROCID",
        numbers: Numbers::From(0),
        // A batch script has `SLURM_PROCID` and `SLURM_NTASKS` as well, and runs once: only `srun` sets this.
        count: "SLURM_STEP_NUM_TASKS",
        source: "https://slurm.schedmd.com/srun.html",
    },
    Scheduler {
        name: "Nomad (`count`)",
        index: "NOMAD_ALLOC_INDEX",
        numbers: Numbers::From(0),
        // Nomad tells an allocation no count.
        count: COUNT,
        source: "https://developer.hashicorp.com/nomad/docs/reference/runtime-environment-settings",
    },
    Scheduler {
        name: "AWS Batch (array)",
        index: "AWS_BATCH_JOB_ARRAY_INDEX",
        numbers: Numbers::From(0),
        count: "AWS_BATCH_JOB_ARRAY_SIZE",
        source: "https://docs.aws.amazon.com/batch/latest/userguide/job_env_vars.html",
    },
    Scheduler {
        name: "Cloud Run jobs (`tasks`)",
        index: "CLOUD_RUN_TASK_INDEX",
        numbers: Numbers::From(0),
        count: "CLOUD_RUN_TASK_COUNT",
        source: "https://cloud.google.com/run/docs/container-contract",
    },
    Scheduler {
        name: "Bitbucket Pipelines (`parallel`)",
        index: "BITBUCKET_PARALLEL_STEP",
        numbers: Numbers::From(0),
        count: "BITBUCKET_PARALLEL_STEP_COUNT",
        source: "https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/",
    },
];

/// Nothing says which shard this machine is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum NoShard {
    /// No variable says it.
    #[error("no variable here says which of many machines this is")]
    #[diagnostic(help(
        "name it by `--shard I/N`, or set `{INDEX}`, which counts from 0, and `{COUNT}`; docs/scale.md lists what else is known"
    ))]
    Unknown,
    /// A variable says which, and none how many there are.
    #[error("`{index}` of {name} says which machine this is, and nothing says of how many")]
    #[diagnostic(help("set `{COUNT}` to their number"))]
    NoCount {
        /// Who set it.
        name: &'static str,
        /// The variable.
        index: &'static str,
    },
    /// What a variable says is no number.
    #[error("`{variable}` is `{value}`, which is not a number")]
    Number {
        /// The variable.
        variable: &'static str,
        /// What it says.
        value: String,
    },
    /// The numbers do not go together.
    #[error("`{index}` is `{value}`, which is none of the {total} that `{count}` of {name} speaks of")]
    #[diagnostic(help("number them without gaps, from the first one on, or name this one by `--shard I/N`"))]
    Outside {
        /// Who set it.
        name: &'static str,
        /// The variable with the number.
        index: &'static str,
        /// The number.
        value: u32,
        /// The variable with the count.
        count: &'static str,
        /// The count.
        total: u32,
    },
    /// Two say different things, as where a job of a CI has submitted one of a cluster.
    #[error("by {} this machine is shard {}, and by {} it is shard {}", .first.0, .first.1, .second.0, .second.1)]
    #[diagnostic(help(
        "name the right one by `--shard I/N`, or set `{INDEX}`, which counts from 0, and `{COUNT}`"
    ))]
    Two {
        /// One of them, and what it says.
        first: (&'static str, Shard),
        /// Another one, and what it says.
        second: (&'static str, Shard),
    },
}

/// The shard that this machine is, by its environment.
///
/// # Errors
///
/// When that does not say it, or says two different things.
pub fn shard_of_this_machine(variable: impl Fn(&str) -> Option<String>) -> Result<Shard, NoShard> {
    let mut found: Vec<(&Scheduler, Shard)> = Vec::new();
    let mut lacking = None;
    for scheduler in &SCHEDULERS {
        match scheduler.shard(&variable) {
            // Ours was set for this very purpose.
            Ok(Some(shard)) if scheduler.index == INDEX => return Ok(shard),
            Ok(Some(shard)) => found.push((scheduler, shard)),
            Ok(None) => {}
            // What is said to belong to it was forgotten.
            Err(error) if scheduler.index == INDEX => return Err(error),
            Err(error @ NoShard::NoCount { .. }) => lacking = lacking.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    // One of one is what many say who were not asked for more.
    let many = found.iter().find(|(_, shard)| shard.count() > 1);
    let (first, shard) = match (many, lacking, found.first()) {
        (Some(many), _, _) => many,
        (None, Some(lacking), _) => return Err(lacking),
        (None, None, Some(one)) => one,
        (None, None, None) => return Err(NoShard::Unknown),
    };
    match found.iter().find(|(_, other)| other.count() > 1 && other != shard) {
        Some((second, other)) => {
            Err(NoShard::Two { first: (first.name, *shard), second: (second.name, *other) })
        }
        None => Ok(*shard),
    }
}

impl Scheduler {
    /// The shard that it says; nothing where it says none.
    fn shard(&self, variable: &impl Fn(&str) -> Option<String>) -> Result<Option<Shard>, NoShard> {
        let number = |name: &'static str| {
            let Some(value) = variable(name).filter(|value| !value.is_empty()) else { return Ok(None) };
            value.parse::<u32>().map(Some).map_err(|_| NoShard::Number { variable: name, value })
        };
        if variable(self.index).is_none_or(|value| value.is_empty()) {
            return Ok(None);
        }
        let total = match number(self.count)? {
            Some(total) => total,
            None if self.count == COUNT => {
                return Err(NoShard::NoCount { name: self.name, index: self.index });
            }
            None => return Ok(None),
        };
        let Some(value) = number(self.index)? else { return Ok(None) };
        let (first, step) = match self.numbers {
            Numbers::From(first) => (first, 1),
            Numbers::By { first, step } => (number(first)?.unwrap_or(0), number(step)?.unwrap_or(1)),
        };
        let index = value.checked_sub(first).filter(|index| index.checked_rem(step) == Some(0));
        let shard = index.and_then(|index| Shard::new(index / step, total));
        let outside =
            NoShard::Outside { name: self.name, index: self.index, value, count: self.count, total };
        shard.map(Some).ok_or(outside)
    }
}

#[cfg(test)]
mod tests {
    use imgbuild_diagnostic::told;

    use super::*;

    /// What variables say.
    fn says(variables: &[(&str, &str)]) -> String {
        let found = shard_of_this_machine(|name| {
            variables.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned())
        });
        found.map_or_else(|error| told(&error), |shard| shard.to_string())
    }

    /// What each sets on the third machine of five.
    const THIRD_OF_FIVE: [&[(&str, &str)]; 12] = [
        &[("IMGBUILD_SHARD_INDEX", "2"), ("IMGBUILD_SHARD_COUNT", "5")],
        &[("CI_NODE_INDEX", "3"), ("CI_NODE_TOTAL", "5")],
        &[("CIRCLE_NODE_INDEX", "2"), ("CIRCLE_NODE_TOTAL", "5")],
        &[("BUILDKITE_PARALLEL_JOB", "2"), ("BUILDKITE_PARALLEL_JOB_COUNT", "5")],
        &[("SYSTEM_JOBPOSITIONINPHASE", "3"), ("SYSTEM_TOTALJOBSINPHASE", "5")],
        &[("JOB_COMPLETION_INDEX", "2"), ("IMGBUILD_SHARD_COUNT", "5")],
        &[
            ("SLURM_ARRAY_TASK_ID", "10"),
            ("SLURM_ARRAY_TASK_MIN", "4"),
            ("SLURM_ARRAY_TASK_MAX", "16"),
            ("SLURM_ARRAY_TASK_STEP", "3"),
            ("SLURM_ARRAY_TASK_COUNT", "5"),
        ],
        &[("SLURM_PROCID", "2"), ("SLURM_NTASKS", "8"), ("SLURM_STEP_NUM_TASKS", "5")],
        &[("NOMAD_ALLOC_INDEX", "2"), ("IMGBUILD_SHARD_COUNT", "5")],
        &[("AWS_BATCH_JOB_ARRAY_INDEX", "2"), ("AWS_BATCH_JOB_ARRAY_SIZE", "5")],
        &[("CLOUD_RUN_TASK_INDEX", "2"), ("CLOUD_RUN_TASK_COUNT", "5")],
        &[("BITBUCKET_PARALLEL_STEP", "2"), ("BITBUCKET_PARALLEL_STEP_COUNT", "5")],
    ];

    #[test]
    fn each_scheduler_is_understood() {
        for (scheduler, variables) in SCHEDULERS.iter().zip(THIRD_OF_FIVE) {
            assert_eq!(scheduler.index, variables[0].0);
            assert_eq!(says(variables), "3/5", "{}", scheduler.name);
        }
    }

    #[test]
    fn a_batch_script_of_slurm_is_no_step() {
        let batch = [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "4")];
        assert_eq!(
            says(&batch),
            "no variable here says which of many machines this is\nhint: name it by `--shard I/N`, or set `IMGBUILD_SHARD_INDEX`, \
             which counts from 0, and `IMGBUILD_SHARD_COUNT`; docs/scale.md lists what else is known"
        );
        let array = [("SLURM_ARRAY_TASK_ID", "1"), ("SLURM_ARRAY_TASK_COUNT", "4")];
        assert_eq!(says(&[batch, array].concat()), "2/4");
    }

    #[test]
    fn one_of_one_does_not_contradict() {
        let gitlab = [("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "1")];
        assert_eq!(says(&gitlab), "1/1");
        let array = [("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_ARRAY_TASK_COUNT", "4")];
        assert_eq!(says(&[gitlab, array].concat()), "4/4");
    }

    #[test]
    fn a_number_without_a_count_is_told_where_others_have_one_machine() {
        let told = "`IMGBUILD_SHARD_INDEX` of imgbuild says which machine this is, and nothing says of how many\n\
                    hint: set `IMGBUILD_SHARD_COUNT` to their number";
        let circle = [("CIRCLE_NODE_INDEX", "0"), ("CIRCLE_NODE_TOTAL", "1")];
        assert_eq!(says(&[&circle[..], &[(INDEX, "3")]].concat()), told);
        // Ours was set for this very purpose, and something was forgotten.
        let circle = [("CIRCLE_NODE_INDEX", "0"), ("CIRCLE_NODE_TOTAL", "2")];
        assert_eq!(says(&[&circle[..], &[(INDEX, "3")]].concat()), told);
        // A job of a CI that runs in a pod of an Indexed Job is one of the CI's.
        assert_eq!(says(&[&circle[..], &[("JOB_COMPLETION_INDEX", "3")]].concat()), "1/2");
    }

    #[test]
    fn ours_goes_before_all_others() {
        let gitlab = [("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "3")];
        assert_eq!(says(&[&gitlab[..], &[(INDEX, "0"), (COUNT, "4")]].concat()), "1/4");
    }

    #[test]
    fn what_does_not_go_together_is_told() {
        assert_eq!(
            says(&[("JOB_COMPLETION_INDEX", "0")]),
            "`JOB_COMPLETION_INDEX` of Kubernetes (Indexed Job) says which machine this is, and nothing says of how many\n\
             hint: set `IMGBUILD_SHARD_COUNT` to their number"
        );
        assert_eq!(
            says(&[("CI_NODE_INDEX", "x"), ("CI_NODE_TOTAL", "3")]),
            "`CI_NODE_INDEX` is `x`, which is not a number"
        );
        let outside = "is none of the 3 that `SLURM_ARRAY_TASK_COUNT` of Slurm (array) speaks of\n\
                       hint: number them without gaps, from the first one on, or name this one by `--shard I/N`";
        let gaps = [("SLURM_ARRAY_TASK_MIN", "1"), ("SLURM_ARRAY_TASK_COUNT", "3")];
        assert_eq!(
            says(&[&gaps[..], &[("SLURM_ARRAY_TASK_ID", "4")]].concat()),
            format!("`SLURM_ARRAY_TASK_ID` is `4`, which {outside}")
        );
        assert_eq!(
            says(&[&gaps[..], &[("SLURM_ARRAY_TASK_ID", "0")]].concat()),
            format!("`SLURM_ARRAY_TASK_ID` is `0`, which {outside}")
        );
        assert_eq!(
            says(&[&gaps[..], &[("SLURM_ARRAY_TASK_ID", "2"), ("SLURM_ARRAY_TASK_STEP", "0")]].concat()),
            format!("`SLURM_ARRAY_TASK_ID` is `2`, which {outside}")
        );
        let two = [("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "3")];
        assert_eq!(
            says(&[&two[..], &[("SLURM_ARRAY_TASK_ID", "0"), ("SLURM_ARRAY_TASK_COUNT", "9")]].concat()),
            "by GitLab CI (`parallel`) this machine is shard 2/3, and by Slurm (array) it is shard 1/9\n\
             hint: name the right one by `--shard I/N`, or set `IMGBUILD_SHARD_INDEX`, which counts from 0, and \
             `IMGBUILD_SHARD_COUNT`"
        );
    }
}
