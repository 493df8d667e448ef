//! Requirements of conda packages: match specs, of people and of channels.

use rattler_conda_types::{MatchSpec, ParseMatchSpecOptions, RepoDataRecord, RepodataRevision};

use crate::limits::{MOST_PARENTHESES, REQUIREMENT_LIMIT};

/// Reads a match spec as conda reads it: with the conditions, extras and flags of the index's third revision (CEP 43, 44, 45), which are
/// keys in brackets that no other requirement has.
///
/// # Errors
///
/// When it is none.
pub(crate) fn read(text: &str) -> Result<MatchSpec, String> {
    check(text)?;
    let options = ParseMatchSpecOptions::lenient().with_repodata_revision(RepodataRevision::V3);
    MatchSpec::from_str(text, options).map_err(|error| error.to_string())
}

/// Whether a text may be given to rattler, which calls itself for each parenthesis.
///
/// # Errors
///
/// When it may not.
fn check(text: &str) -> Result<(), String> {
    if text.len() > REQUIREMENT_LIMIT {
        return Err(format!("it has more than {REQUIREMENT_LIMIT} bytes"));
    }
    let mut open = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'(' => open += 1,
            b')' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > MOST_PARENTHESES {
            return Err(format!("more than {MOST_PARENTHESES} parentheses stand in each other"));
        }
    }
    Ok(())
}

/// What is wrong with a record of a channel whose requirements must not be read; nothing for all others.
pub(crate) fn fault(record: &RepoDataRecord) -> Option<String> {
    let record = &record.package_record;
    let extras = record.extra_depends.values().flatten();
    let all = record.depends.iter().chain(&record.constrains).chain(extras);
    all.filter_map(|text| check(text).err()).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_requirement_is_read_by_a_deep_stack() {
        let nested = |depth: usize| format!("a {}>1{}", "(".repeat(depth), ")".repeat(depth));
        assert!(read(&nested(MOST_PARENTHESES)).is_ok());
        assert_eq!(
            read(&nested(MOST_PARENTHESES + 1)).unwrap_err(),
            "more than 64 parentheses stand in each other"
        );
        assert!(read(&format!("a {}>1", "(>1)|".repeat(3000))).is_ok());
        assert_eq!(read(&"a".repeat(REQUIREMENT_LIMIT + 1)).unwrap_err(), "it has more than 16384 bytes");
    }
}
