//! The limits of a process (setrlimit(2)).

use imgbuild_diagnostic::Size;
use rustix::process::{Resource, Rlimit, getrlimit};

use crate::finding::{Area, Finding, Verdict};
use crate::thresholds::{LEAST_ADDRESSES, LEAST_FILE_SIZE, LEAST_OPEN};

/// A limit that builds meet.
struct Limit {
    what: &'static str,
    resource: Resource,
    least: u64,
    /// The shell's word for it.
    option: char,
    /// Whether it counts bytes.
    bytes: bool,
}

const LIMITS: [Limit; 3] = [
    Limit { what: "open files", resource: Resource::Nofile, least: LEAST_OPEN, option: 'n', bytes: false },
    Limit {
        what: "size of files",
        resource: Resource::Fsize,
        least: LEAST_FILE_SIZE,
        option: 'f',
        bytes: true,
    },
    Limit { what: "address space", resource: Resource::As, least: LEAST_ADDRESSES, option: 'v', bytes: true },
];

/// Looks at the limits of this process.
pub(crate) fn look() -> Vec<Finding> {
    LIMITS.iter().filter_map(|limit| found(limit, getrlimit(limit.resource))).collect()
}

/// What a limit is; nothing where there is none, unless it is one that every machine has.
fn found(limit: &Limit, set: Rlimit) -> Option<Finding> {
    let shown = |value: u64| if limit.bytes { Size(value).to_string() } else { value.to_string() };
    let told = |verdict, found| Finding::new(Area::Machine, limit.what, verdict, found).needed();
    let Some(current) = set.current else {
        return (!limit.bytes).then(|| told(Verdict::Fine, "no limit".to_owned()));
    };
    if current >= limit.least {
        return Some(told(Verdict::Fine, format!("at most {}", shown(current))));
    }
    let may = set.maximum.is_none_or(|maximum| maximum >= limit.least);
    // The shell counts both in blocks of 1024 bytes.
    let value = if limit.bytes { limit.least / 1024 } else { limit.least };
    let remedy = match may {
        true => format!("`ulimit -S{} {value}` before it raises the limit", limit.option),
        false => format!(
            "the hard limit is {}: whoever starts the container, the job or the session raises it",
            set.maximum.map_or_else(String::new, shown)
        ),
    };
    let found = format!("at most {}, and builds need {}", shown(current), shown(limit.least));
    Some(told(Verdict::Wrong, found).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_are_too_low_are_told_with_who_can_raise_them() {
        let set = |current, maximum| Rlimit { current, maximum };
        let [open, size, _] = &LIMITS;
        let all = [
            found(open, set(None, None)),
            found(open, set(Some(1024), Some(4096))),
            found(open, set(Some(64), Some(4096))),
            found(open, set(Some(64), Some(64))),
            found(size, set(Some(1_000_000), None)),
        ];
        let all: Vec<Finding> = all.into_iter().flatten().collect();
        insta::assert_snapshot!(crate::looks::shown(&all), @"
        fine! open files: no limit
        fine! open files: at most 1024
        wrong! open files: at most 64, and builds need 256
          -> `ulimit -Sn 256` before it raises the limit
        wrong! open files: at most 64, and builds need 256
          -> the hard limit is 64: whoever starts the container, the job or the session raises it
        wrong! size of files: at most 1.0 MB, and builds need 4.0 GB
          -> `ulimit -Sf 3906250` before it raises the limit
        ");
        assert_eq!(found(size, set(None, None)), None);
    }
}
