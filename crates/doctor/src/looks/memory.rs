//! How much memory and how many processors a build has: the machine's, or fewer where a control group says so.

use std::path::{Path, PathBuf};

use imgbuild_diagnostic::Size;

use crate::finding::{Area, Finding, Verdict};
use crate::surroundings::{number, text};
use crate::thresholds::LEAST_MEMORY;

/// Looks at the files below `root`; `cores` is how many threads the system says work at once.
pub(crate) fn look(root: &Path, cores: Option<usize>) -> Vec<Finding> {
    vec![memory(root), processors(root, cores)]
}

/// The folders of the control groups that this process is in, each below all of the former; those of the second version, or of
/// one controller of the first.
fn groups(root: &Path, controller: &str) -> Vec<PathBuf> {
    let lines = text(root, "proc/self/cgroup").unwrap_or_default();
    let path = lines.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, names, path) = (fields.next()?, fields.next()?, fields.next()?);
        let is_it = names.is_empty() || names.split(',').any(|name| name == controller);
        is_it.then(|| (names.is_empty(), path.trim_start_matches('/').to_owned()))
    });
    let Some((is_second, path)) = path else { return Vec::new() };
    let top = if is_second { "sys/fs/cgroup".to_owned() } else { format!("sys/fs/cgroup/{controller}") };
    // In a container its own group is mounted at the top, whatever it is called.
    let top = Path::new(&top);
    let whole = top.join(path);
    let above: Vec<PathBuf> = whole.ancestors().map(Path::to_path_buf).collect();
    above.into_iter().rev().filter(|folder| folder.starts_with(top)).collect()
}

/// The least of what the groups allow.
fn least(root: &Path, controller: &str, files: &[&str]) -> Option<u64> {
    let folders = groups(root, controller);
    let values = folders.iter().flat_map(|folder| files.iter().map(move |file| folder.join(file)));
    // What has no limit says `max`, or a number that no machine has.
    values.filter_map(|path| number(root, path.to_str()?)).filter(|value| *value < u64::MAX >> 4).min()
}

fn memory(root: &Path) -> Finding {
    let lines = text(root, "proc/meminfo").unwrap_or_default();
    let field = |name: &str| {
        let line = lines.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kilobytes.saturating_mul(1024))
    };
    let told = |verdict, found: String| Finding::new(Area::Machine, "memory", verdict, found).needed();
    let (Some(total), Some(available)) = (field("MemTotal"), field("MemAvailable")) else {
        return told(Verdict::Unknown, "`/proc/meminfo` does not say it".to_owned());
    };
    let group =
        least(root, "memory", &["memory.max", "memory.limit_in_bytes"]).filter(|group| *group < total);
    let found = match group {
        Some(group) => format!(
            "{} are available of {}, and this control group may have {}",
            Size(available),
            Size(total),
            Size(group)
        ),
        None => format!("{} are available of {}", Size(available), Size(total)),
    };
    match (group.is_some_and(|group| group < LEAST_MEMORY), available < LEAST_MEMORY) {
        (true, _) => told(Verdict::Wrong, found).remedy(format!(
            "let the container or the job have more: builds need {}, and some of channels twice that",
            Size(LEAST_MEMORY)
        )),
        (false, true) => told(Verdict::Wrong, found).remedy(format!(
            "end what else runs: builds need {}, and some of channels twice that",
            Size(LEAST_MEMORY)
        )),
        (false, false) => told(Verdict::Fine, found),
    }
}

fn processors(root: &Path, cores: Option<usize>) -> Finding {
    let told = |verdict, found: String| Finding::new(Area::Machine, "processors", verdict, found);
    let Some(cores) = cores else {
        return told(
            Verdict::Unknown,
            "the system does not say how many there are: one thread works".to_owned(),
        );
    };
    let online = text(root, "sys/devices/system/cpu/online").and_then(|list| count(&list));
    let found = match online.filter(|online| *online > cores) {
        Some(online) => format!("{cores} of {online}: as many as this process may use"),
        None => cores.to_string(),
    };
    told(Verdict::Fine, found)
}

/// How many processors a list of the kernel's has: `0-3,8`.
fn count(list: &str) -> Option<usize> {
    let range = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(last.parse::<usize>().ok()?.checked_sub(first.parse().ok()?)? + 1)
    };
    list.split(',').map(range).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::looks::{machine, shown};

    const MEMORY: &str = "MemTotal:       16000000 kB\nMemFree: 1 kB\nMemAvailable:    8000000 kB\n";

    #[test]
    fn the_machines_own() {
        let root = machine(&[
            ("proc/meminfo", MEMORY),
            ("proc/self/cgroup", "0::/user.slice\n"),
            ("sys/fs/cgroup/user.slice/memory.max", "max\n"),
            ("sys/devices/system/cpu/online", "0-3,8\n"),
        ]);
        insta::assert_snapshot!(shown(&look(root.path(), Some(5))), @"
        fine! memory: 8.2 GB are available of 16.4 GB
        fine processors: 5
        ");
    }

    #[test]
    fn a_control_group_allows_less() {
        let second = machine(&[
            ("proc/meminfo", MEMORY),
            ("proc/self/cgroup", "0::/jobs/mine\n"),
            ("sys/fs/cgroup/jobs/memory.max", "200000000\n"),
            ("sys/fs/cgroup/jobs/mine/memory.max", "max\n"),
            ("sys/devices/system/cpu/online", "0-63\n"),
        ]);
        insta::assert_snapshot!(shown(&look(second.path(), Some(2))), @"
        wrong! memory: 8.2 GB are available of 16.4 GB, and this control group may have 200.0 MB
          -> let the container or the job have more: builds need 500.0 MB, and some of channels twice that
        fine processors: 2 of 64: as many as this process may use
        ");
        let first = machine(&[
            ("proc/meminfo", MEMORY),
            ("proc/self/cgroup", "5:cpu,cpuacct:/\n4:memory:/docker/x\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2000000000\n"),
        ]);
        insta::assert_snapshot!(shown(&look(first.path(), None)), @"
        fine! memory: 8.2 GB are available of 16.4 GB, and this control group may have 2.0 GB
        unknown processors: the system does not say how many there are: one thread works
        ");
    }

    #[test]
    fn what_nobody_says_is_unknown_and_little_is_told() {
        let nothing = machine(&[]);
        insta::assert_snapshot!(shown(&[memory(nothing.path())]), @"unknown! memory: `/proc/meminfo` does not say it");
        let little = machine(&[("proc/meminfo", "MemTotal: 900000 kB\nMemAvailable: 100000 kB\n")]);
        insta::assert_snapshot!(shown(&[memory(little.path())]), @"
        wrong! memory: 102.4 MB are available of 921.6 MB
          -> end what else runs: builds need 500.0 MB, and some of channels twice that
        ");
    }
}
