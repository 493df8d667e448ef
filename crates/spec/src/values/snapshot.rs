//! An archive as it was at some time.

use imgbuild_document::{ValueError, checked_text, secret_text, shown};
use imgbuild_secret::SecretText;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::values::reference::check_mirror;

checked_text!(
    /// A time as archives of old indexes write it: `20240501T000000Z`.
    SnapshotTime, check_time, String
);

secret_text!(
    /// Where such an archive has what: a URL with `{archive}` and `{time}`.
    SnapshotMirror, check_snapshot_mirror
);

/// What the URL of a snapshot's mirror leaves open.
pub(crate) const SNAPSHOT_NAMES: [&str; 2] = ["archive", "time"];

impl SnapshotTime {
    /// The same in seconds since 1970.
    pub fn seconds(&self) -> i64 {
        // What was checked can be read.
        seconds(self.as_str()).unwrap_or_default()
    }
}

impl SnapshotMirror {
    /// The root of an archive at a time: `archive` is `debian` or `debian-security`.
    pub fn root(&self, archive: &str, time: &SnapshotTime) -> SecretText {
        SecretText::new(self.0.whole().replace("{archive}", archive).replace("{time}", time.as_str()))
    }
}

fn seconds(text: &str) -> Option<i64> {
    let time = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok().filter(|_| text.len() == 16)?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

fn check_time(text: &str) -> Result<(), ValueError> {
    if seconds(text).is_some() {
        return Ok(());
    }
    Err(ValueError::new(format!("`{}` is not the time of a snapshot", text.escape_default()))
        .hint("write it like `20240501T000000Z`, in UTC"))
}

fn check_snapshot_mirror(text: &str) -> Result<(), ValueError> {
    if let Some(name) = SNAPSHOT_NAMES.iter().find(|name| !text.contains(&format!("{{{name}}}"))) {
        return Err(ValueError::new(format!("`{}` lacks `{{{name}}}`", shown(text)))
            .hint("write it like `https://snapshot.example/archive/{archive}/{time}`"));
    }
    check_mirror(&text.replace("{archive}", "debian").replace("{time}", "20240501T000000Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let time: SnapshotTime = "20240501T000102Z".parse().unwrap();
        assert_eq!(time.seconds(), 1_714_521_662);
        let mirror: SnapshotMirror = "https://s.example/{archive}/{time}".parse().unwrap();
        assert_eq!(mirror.root("debian", &time).whole(), "https://s.example/debian/20240501T000102Z");
        for bad in ["", "2024-05-01", "20241301T000000Z", "20240501T000000", "20240501T000000ZZ"] {
            assert!(bad.parse::<SnapshotTime>().is_err(), "{bad}");
        }
        for bad in ["", "https://s.example/{time}", "https://s.example/{archive}", "{archive}/{time}"] {
            assert!(bad.parse::<SnapshotMirror>().is_err(), "{bad}");
        }
    }
}
