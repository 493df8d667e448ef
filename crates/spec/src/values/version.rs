//! Versions of Python and CUDA.

use imgbuild_document::{Literal, ValueError, checked_text};

checked_text!(
    /// A version of Python 3: `3.11`, or `3.11.9` to hold the patch release as well.
    PythonVersion, check_python, Literal
);

checked_text!(
    /// A version of CUDA: major and minor, as `nvidia-smi` shows it.
    CudaVersion, check_cuda, Literal
);

impl PythonVersion {
    /// Major and minor, for example `3.11`.
    pub fn series(&self) -> &str {
        match self.0.match_indices('.').nth(1) {
            Some((second, _)) => &self.0[..second],
            None => &self.0,
        }
    }

    /// Whether a whole version, for example `3.11.9`, is one of these.
    pub fn holds(&self, version: &str) -> bool {
        version.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// Whether the patch release is named.
    pub fn names_patch(&self) -> bool {
        self.series() != self.0
    }
}

impl CudaVersion {
    /// Major and minor.
    pub fn numbers(&self) -> (u16, u16) {
        match numbers(&self.0).as_deref() {
            Some([major, minor]) => (*major, *minor),
            _ => (0, 0),
        }
    }
}

fn numbers(text: &str) -> Option<Vec<u16>> {
    let number = |part: &str| {
        let plain = part == "0" || (!part.starts_with(['0', '+']) && !part.is_empty());
        part.parse().ok().filter(|_| plain)
    };
    text.split('.').map(number).collect()
}

fn check_python(text: &str) -> Result<(), ValueError> {
    match numbers(text).as_deref() {
        Some([3, _] | [3, _, _]) => Ok(()),
        _ => Err(ValueError::new(format!("`{text}` is not a version of Python 3"))
            .hint("write major and minor, like `3.11`, or the patch release as well, like `3.11.9`")),
    }
}

fn check_cuda(text: &str) -> Result<(), ValueError> {
    match numbers(text).as_deref() {
        Some([major, _]) if *major > 0 => Ok(()),
        _ => Err(ValueError::new(format!("`{text}` is not a version of CUDA"))
            .hint("write major and minor, like `11.8`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_and_dots() {
        for good in ["3.9", "3.10", "3.11.9", "3.14.0"] {
            assert_eq!(good.parse::<PythonVersion>().unwrap().as_str(), good);
        }
        for bad in ["", "3", "2.7", "3.x", "3.11.*", ">=3.9", "3.09", "3.11.9.1", "3.+1", "3.99999"] {
            assert!(bad.parse::<PythonVersion>().is_err(), "{bad}");
        }
        assert_eq!("3.11.9".parse::<PythonVersion>().unwrap().series(), "3.11");
        let series = "3.1".parse::<PythonVersion>().unwrap();
        assert!(series.holds("3.1.4") && !series.holds("3.11.4"));
        assert!(!"3.11".parse::<PythonVersion>().unwrap().names_patch());
        assert!("11.8".parse::<CudaVersion>().is_ok());
        for bad in ["11", "11.8.0", "0.1", "cu118", "11."] {
            assert!(bad.parse::<CudaVersion>().is_err(), "{bad}");
        }
    }
}
