//! Whether the clock is plausible. Signatures, certificates and tokens are valid for a time.

use jiff::Timestamp;

use crate::finding::{Area, Finding, Verdict};
use crate::thresholds::{CLOCK_TOLERANCE, FIRST_TIME};

/// What a server says of the time, in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stated {
    pub(crate) by: String,
    pub(crate) time: i64,
}

/// Looks at a time of the clock, when the newest thing of the cache was used, and what servers say; all in seconds since 1970.
pub(crate) fn look(now: i64, newest: Option<i64>, stated: &[Stated]) -> Finding {
    let told = |verdict, found: String| Finding::new(Area::Machine, "clock", verdict, found).needed();
    let remedy = "set it: `timedatectl set-ntp true`, as root; a container has that of its machine. Signatures, certificates and \
                  tokens are valid for a time";
    if now < FIRST_TIME {
        return told(Verdict::Wrong, format!("it says {}, when this program was not there yet", shown(now)))
            .remedy(remedy);
    }
    // One server may be wrong itself: the nearest counts.
    let nearest = stated.iter().min_by_key(|it| it.time.abs_diff(now));
    if let Some(nearest) = nearest.filter(|it| it.time.abs_diff(now) > CLOCK_TOLERANCE.unsigned_abs()) {
        let apart = nearest.time.abs_diff(now);
        let side = if now > nearest.time { "ahead of" } else { "behind" };
        let found = format!("it says {}, {apart} seconds {side} `{}`", shown(now), nearest.by);
        return told(Verdict::Wrong, found).remedy(remedy);
    }
    if let Some(newest) = newest.filter(|newest| newest.saturating_sub(now) > CLOCK_TOLERANCE) {
        let found =
            format!("it says {}, and something in the cache was used at {}", shown(now), shown(newest));
        return told(Verdict::Wrong, found).remedy(remedy);
    }
    match stated.len() {
        0 => told(
            Verdict::Unknown,
            "no server has said the time; nothing in the cache is of the future".to_owned(),
        ),
        1 => told(Verdict::Fine, "it agrees with the server that says the time".to_owned()),
        _ => told(Verdict::Fine, "it agrees with the servers that say the time".to_owned()),
    }
}

/// The time of the header `Date` of an answer (RFC 9110, 6.6.1), in seconds since 1970.
pub(crate) fn parse(date: &str) -> Option<i64> {
    let time = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(time.as_second())
}

fn shown(time: i64) -> String {
    Timestamp::from_second(time)
        .map_or_else(|_| format!("{time} seconds since 1970"), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = FIRST_TIME + 1_000_000;

    fn stated(times: &[i64]) -> Vec<Stated> {
        times.iter().map(|time| Stated { by: format!("https://{time}.example"), time: NOW + time }).collect()
    }

    #[test]
    fn it_is_held_against_servers_and_the_cache() {
        let all = [
            look(0, None, &stated(&[0])),
            look(NOW, None, &[]),
            look(NOW, Some(NOW + 10), &stated(&[-20])),
            look(NOW, Some(NOW), &stated(&[1, 7200])),
            look(NOW, Some(NOW), &stated(&[3600, 7200])),
            look(NOW, Some(NOW), &stated(&[-3600])),
            look(NOW, Some(NOW + 90_000), &stated(&[0])),
        ];
        insta::assert_snapshot!(crate::looks::shown(&all), @"
        wrong! clock: it says 1970-01-01T00:00:00Z, when this program was not there yet
          -> set it: `timedatectl set-ntp true`, as root; a container has that of its machine. Signatures, certificates and tokens are valid for a time
        unknown! clock: no server has said the time; nothing in the cache is of the future
        fine! clock: it agrees with the server that says the time
        fine! clock: it agrees with the servers that say the time
        wrong! clock: it says 2026-01-12T13:46:40Z, 3600 seconds behind `https://3600.example`
          -> set it: `timedatectl set-ntp true`, as root; a container has that of its machine. Signatures, certificates and tokens are valid for a time
        wrong! clock: it says 2026-01-12T13:46:40Z, 3600 seconds ahead of `https://-3600.example`
          -> set it: `timedatectl set-ntp true`, as root; a container has that of its machine. Signatures, certificates and tokens are valid for a time
        wrong! clock: it says 2026-01-12T13:46:40Z, and something in the cache was used at 2026-01-13T14:46:40Z
          -> set it: `timedatectl set-ntp true`, as root; a container has that of its machine. Signatures, certificates and tokens are valid for a time
        ");
    }

    #[test]
    fn dates_of_answers() {
        assert_eq!(parse("Wed, 21 Oct 2015 07:28:00 GMT"), Some(1_445_412_480));
        assert_eq!(parse("yesterday"), None);
    }
}
