//! Debian's version numbers and their order.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A version as `deb-version(7)` defines it: `[epoch:]upstream[-revision]`.
#[derive(Debug, Clone)]
pub struct Version {
    text: Box<str>,
    epoch: u32,
    upstream: (usize, usize),
}

/// A text that is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a Debian version")]
pub struct VersionError(pub String);

impl Version {
    /// The upstream version, without epoch and revision: `2.36` of libc6's `2.36-9+deb12u10`.
    pub fn upstream(&self) -> &str {
        &self.text[self.upstream.0..self.upstream.1]
    }

    /// The revision; empty where there is none, which sorts as `0` does.
    pub fn revision(&self) -> &str {
        self.text[self.upstream.1..].strip_prefix('-').unwrap_or("")
    }

    /// The version as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let error = || VersionError(text.to_owned());
        let (epoch, start) = match text.split_once(':') {
            Some((epoch, _)) => {
                let digits = !epoch.is_empty() && epoch.bytes().all(|byte| byte.is_ascii_digit());
                let number = epoch.parse::<i32>().ok().filter(|_| digits).ok_or_else(error)?;
                (u32::try_from(number).map_err(|_| error())?, epoch.len() + 1)
            }
            None => (0, 0),
        };
        let end = text[start..].rfind('-').map_or(text.len(), |at| start + at);
        let (upstream, revision) = (&text[start..end], &text[end..]);
        let allowed = |byte: u8, more: &[u8]| byte.is_ascii_alphanumeric() || more.contains(&byte);
        let upstream_ok = upstream.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
            && upstream.bytes().all(|byte| allowed(byte, b".+-~:"));
        let revision_ok = revision.is_empty()
            || (revision.len() > 1 && revision[1..].bytes().all(|byte| allowed(byte, b".+~")));
        if !upstream_ok || !revision_ok {
            return Err(error());
        }
        Ok(Self { text: text.into(), epoch, upstream: (start, end) })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| compare(self.upstream(), other.upstream()))
            .then_with(|| compare(self.revision(), other.revision()))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    /// Whether they sort alike: `1.0` and `1.00-0` do.
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

/// Compares by turns what is not digits and what is: Debian policy, 5.6.12.
fn compare(mut a: &str, mut b: &str) -> Ordering {
    while !(a.is_empty() && b.is_empty()) {
        let (text_a, text_b) =
            (take(&mut a, |byte| !byte.is_ascii_digit()), take(&mut b, |byte| !byte.is_ascii_digit()));
        let length = text_a.len().max(text_b.len());
        let weights = |text: &str| (0..length).map(|at| weight(text.as_bytes().get(at))).collect::<Vec<_>>();
        let (digits_a, digits_b) =
            (take(&mut a, |byte| byte.is_ascii_digit()), take(&mut b, |byte| byte.is_ascii_digit()));
        let (digits_a, digits_b) = (digits_a.trim_start_matches('0'), digits_b.trim_start_matches('0'));
        let order = weights(text_a)
            .cmp(&weights(text_b))
            .then_with(|| digits_a.len().cmp(&digits_b.len()))
            .then_with(|| digits_a.cmp(digits_b));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

fn take<'a>(text: &mut &'a str, matches: impl Fn(u8) -> bool) -> &'a str {
    let end = text.bytes().position(|byte| !matches(byte)).unwrap_or(text.len());
    let (taken, rest) = text.split_at(end);
    *text = rest;
    taken
}

/// `~` sorts before the end, the end before letters, letters before everything else.
fn weight(byte: Option<&u8>) -> i32 {
    match byte {
        Some(b'~') => -1,
        None => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn the_order_is_dpkgs(a in "([0-2]:)?[0-9][0-9a-c.+~-]{0,6}(-[0-9a-b.+~]{1,3})?", b in "([0-2]:)?[0-9][0-9a-c.+~-]{0,6}(-[0-9a-b.+~]{1,3})?") {
            let dpkg = |operator: &str| {
                let output = std::process::Command::new("dpkg")
                    .args(["--compare-versions", &a, operator, &b]).output().expect("dpkg, of Debian's package dpkg");
                output.status.success()
            };
            if let (Ok(one), Ok(other)) = (a.parse::<Version>(), b.parse::<Version>()) {
                let expected = if dpkg("lt") { Ordering::Less } else if dpkg("eq") { Ordering::Equal } else { Ordering::Greater };
                prop_assert_eq!(one.cmp(&other), expected);
            }
        }
    }

    #[test]
    fn the_parts_are_told_apart() {
        let version: Version = "1:2.36-rc1-9+deb12u10".parse().unwrap();
        assert_eq!((version.upstream(), version.revision()), ("2.36-rc1", "9+deb12u10"));
        for wrong in ["", "a", "1:", ":1", "1-", "1 2", "x:1", "99999999999:1"] {
            assert!(wrong.parse::<Version>().is_err(), "{wrong}");
        }
    }
}
