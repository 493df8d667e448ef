//! Which of PyTorch's indexes its wheels come from.

use std::fmt;
use std::str::FromStr;

use imgbuild_document::{ValueError, as_text};

/// Which of PyTorch's indexes its wheels come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum TorchBackend {
    /// The one that fits the image's CUDA, unless an index of one's own has PyTorch.
    #[default]
    Auto,
    /// None of them.
    None,
    /// That of the wheels for the processor alone.
    Cpu,
    /// That of a version of CUDA, as major and minor.
    Cuda(u16, u16),
}

as_text!(TorchBackend, String);

/// The versions of CUDA for which PyTorch has an index that uv knows, the newest first.
const VERSIONS: [(u16, u16); 25] = [
    (13, 2),
    (13, 0),
    (12, 9),
    (12, 8),
    (12, 6),
    (12, 5),
    (12, 4),
    (12, 3),
    (12, 2),
    (12, 1),
    (12, 0),
    (11, 8),
    (11, 7),
    (11, 6),
    (11, 5),
    (11, 4),
    (11, 3),
    (11, 2),
    (11, 1),
    (11, 0),
    (10, 2),
    (10, 1),
    (10, 0),
    (9, 2),
    (9, 1),
];

impl TorchBackend {
    /// The newest index that a version of CUDA, as major and minor, can use; nothing where all are newer.
    pub fn newest_for(cuda: (u16, u16)) -> Option<Self> {
        VERSIONS.into_iter().find(|known| *known <= cuda).map(|(major, minor)| Self::Cuda(major, minor))
    }

    /// The index by its name, such as `cu124`; nothing where there is none of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        let digits = name.strip_prefix("cu")?;
        let known = VERSIONS.into_iter().find(|(major, minor)| digits == format!("{major}{minor}"));
        known.map(|(major, minor)| Self::Cuda(major, minor))
    }
}

impl fmt::Display for TorchBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::None => f.write_str("none"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(major, minor) => write!(f, "cu{major}{minor}"),
        }
    }
}

impl FromStr for TorchBackend {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::None),
            "cpu" => Ok(Self::Cpu),
            name => Self::of_name(name).ok_or_else(|| {
                let newest: Vec<String> = VERSIONS[..5]
                    .iter()
                    .map(|(major, minor)| format!("`{}`", Self::Cuda(*major, *minor)))
                    .collect();
                ValueError::new(format!("`{}` is no index of PyTorch", text.escape_default())).hint(format!(
                    "write `auto`, `none`, `cpu`, or that of a CUDA: {} or an older one",
                    newest.join(", ")
                ))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_called_by_its_cuda() {
        for good in ["auto", "none", "cpu", "cu130", "cu129", "cu118", "cu92"] {
            assert_eq!(good.parse::<TorchBackend>().unwrap().to_string(), good);
        }
        for bad in ["", "12.9", "cu", "cu127", "cu1", "rocm6.2", "CU129"] {
            assert!(bad.parse::<TorchBackend>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_newest_index_that_a_version_can_use() {
        let shown =
            |cuda: (u16, u16)| TorchBackend::newest_for(cuda).map(|it| it.to_string()).unwrap_or_default();
        let found = [(12, 4), (12, 7), (11, 8), (13, 1), (14, 0), (9, 0)].map(shown);
        assert_eq!(found, ["cu124", "cu126", "cu118", "cu130", "cu132", ""]);
    }
}
