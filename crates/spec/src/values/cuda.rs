//! What an image for CUDA brings, and the GPUs that it is for.

use imgbuild_document::{Literal, ValueError, checked_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::CudaVersion;

checked_text!(
    /// The compute capability of GPUs: major and minor, such as `8.0`.
    Capability, check_capability, Literal
);

checked_text!(
    /// The GPUs that a container gets where nobody says which: `all`, `none`, `void`, or numbers and identifiers of GPUs.
    VisibleDevices, check_visible_devices, String
);

/// What of CUDA's toolkit an image has beside what its packages bring.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Toolkit {
    /// Nothing: packages require the libraries that they need.
    #[default]
    None,
    /// The libraries that programs need to run.
    Runtime,
    /// The compiler and the headers as well.
    Devel,
}

/// What is done about CUDA's libraries that come from conda and as wheels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Duplicates {
    /// The build's report names them, with their sizes.
    #[default]
    Report,
    /// They are an error.
    Refuse,
}

impl Default for VisibleDevices {
    fn default() -> Self {
        Self("all".to_owned())
    }
}

/// The compute capability of some GPUs, and the versions of CUDA that have kernels for it.
struct Generation {
    capability: (u16, u16),
    since: (u16, u16),
    /// The first that has them no more, where there is one.
    until: Option<(u16, u16)>,
}

const fn from(capability: (u16, u16), since: (u16, u16)) -> Generation {
    Generation { capability, since, until: None }
}

const fn between(capability: (u16, u16), since: (u16, u16), until: (u16, u16)) -> Generation {
    Generation { capability, since, until: Some(until) }
}

/// All that GPUs have.
const GENERATIONS: [Generation; 25] = [
    between((3, 0), (5, 0), (11, 0)),
    between((3, 2), (6, 0), (11, 0)),
    between((3, 5), (5, 0), (12, 0)),
    between((3, 7), (6, 5), (12, 0)),
    between((5, 0), (6, 5), (13, 0)),
    between((5, 2), (6, 5), (13, 0)),
    between((5, 3), (7, 0), (13, 0)),
    between((6, 0), (8, 0), (13, 0)),
    between((6, 1), (8, 0), (13, 0)),
    between((6, 2), (8, 0), (13, 0)),
    between((7, 0), (9, 0), (13, 0)),
    between((7, 2), (9, 2), (13, 0)),
    from((7, 5), (10, 0)),
    from((8, 0), (11, 0)),
    from((8, 6), (11, 1)),
    from((8, 7), (11, 4)),
    from((8, 8), (13, 0)),
    from((8, 9), (11, 8)),
    from((9, 0), (11, 8)),
    from((10, 0), (12, 8)),
    between((10, 1), (12, 8), (13, 0)),
    from((10, 3), (12, 9)),
    from((11, 0), (13, 0)),
    from((12, 0), (12, 8)),
    from((12, 1), (12, 9)),
];

/// Why a version of CUDA has no kernels for a compute capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoKernels {
    /// No GPU has it.
    Unknown,
    /// A newer CUDA has them first: major and minor.
    Since(u16, u16),
    /// This CUDA, major and minor, has them no more, and all before it have.
    Until(u16, u16),
}

impl Capability {
    /// Major and minor.
    pub fn numbers(&self) -> (u16, u16) {
        let (major, minor) = self.0.split_once('.').unwrap_or((&self.0, "0"));
        (major.parse().unwrap_or_default(), minor.parse().unwrap_or_default())
    }

    /// What compilers call it: `sm_80`.
    pub fn architecture(&self) -> String {
        let (major, minor) = self.numbers();
        format!("sm_{major}{minor}")
    }

    /// Why a version of CUDA has no kernels for it; nothing where it has, or where it is newer than all that are known.
    pub(crate) fn lacks_kernels_in(&self, version: &CudaVersion) -> Option<NoKernels> {
        let (own, version) = (self.numbers(), version.numbers());
        let Some(Generation { since, until, .. }) = self.generation() else {
            let is_newer = GENERATIONS.iter().all(|known| known.capability < own);
            return (!is_newer).then_some(NoKernels::Unknown);
        };
        match until {
            _ if version < *since => Some(NoKernels::Since(since.0, since.1)),
            Some(until) if version >= *until => Some(NoKernels::Until(until.0, until.1)),
            _ => None,
        }
    }

    /// The first version of CUDA that has kernels for it, as major and minor; nothing where that is not known.
    pub fn since(&self) -> Option<(u16, u16)> {
        self.generation().map(|known| known.since)
    }

    fn generation(&self) -> Option<&'static Generation> {
        GENERATIONS.iter().find(|known| known.capability == self.numbers())
    }
}

fn check_capability(text: &str) -> Result<(), ValueError> {
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit())
    };
    let good = text
        .split_once('.')
        .is_some_and(|(major, minor)| digits(major, 2) && !major.starts_with('0') && digits(minor, 1));
    if good {
        return Ok(());
    }
    Err(ValueError::new(format!("`{}` is not a compute capability", text.escape_default())).hint(
        "write major and minor, like `8.0` (A100), `8.6` (RTX 30), `8.9` (L4, RTX 40), `9.0` (H100) or `12.0` (RTX 50)",
    ))
}

fn check_visible_devices(text: &str) -> Result<(), ValueError> {
    let is_word = ["all", "none", "void"].contains(&text);
    let device = |name: &str| {
        let number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
        let identifier = ["GPU-", "MIG-"].iter().any(|prefix| name.starts_with(prefix))
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-/".contains(&byte));
        number || identifier
    };
    if is_word || text.split(',').all(device) {
        return Ok(());
    }
    Err(ValueError::new(format!("`{}` names no GPUs", text.escape_default()))
        .hint("write `all`, `none` (the driver without a GPU), `void` (neither), or numbers and identifiers: `0,1`, `GPU-…`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_major_and_minor() {
        assert_eq!("12.0".parse::<Capability>().unwrap().architecture(), "sm_120");
        for bad in ["", "8", "sm_80", "8.00", "08.0", "9.0a", "8.", "123.0"] {
            assert!(bad.parse::<Capability>().is_err(), "{bad}");
        }
    }

    #[test]
    fn which_cuda_has_kernels_for_which_gpu() {
        let lacks = |capability: &str, version: &str| {
            capability.parse::<Capability>().unwrap().lacks_kernels_in(&version.parse().unwrap())
        };
        assert_eq!(lacks("8.0", "11.8"), None);
        assert_eq!(lacks("9.0", "11.7"), Some(NoKernels::Since(11, 8)));
        assert_eq!(lacks("12.0", "12.6"), Some(NoKernels::Since(12, 8)));
        assert_eq!(lacks("7.0", "13.0"), Some(NoKernels::Until(13, 0)));
        assert_eq!(lacks("8.5", "12.9"), Some(NoKernels::Unknown));
        assert_eq!(lacks("13.0", "13.2"), None);
    }

    #[test]
    fn visible_devices_are_a_word_or_a_list() {
        for good in
            ["all", "none", "void", "0", "0,1", "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", "MIG-GPU-1/2/3"]
        {
            assert!(good.parse::<VisibleDevices>().is_ok(), "{good}");
        }
        for bad in ["", "every", "0,", "0 1", "all,0", "GPU-$(id)"] {
            assert!(bad.parse::<VisibleDevices>().is_err(), "{bad}");
        }
    }
}
