//! The Debian package, below `/usr`.

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::commands;
use super::error::DistError;
use super::release::{MOMENT, Release, VERSION};
use super::tree::Entry;

/// The Debian revision: this is no package of Debian's.
const REVISION: &str = "1";

/// The copyright file, in the form of Debian's policy (copyright-format 1.0).
const COPYRIGHT: &str = "\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: imgbuild
Source: https://github.com/imgbuild/imgbuild

Files: *
Copyright: 2026 The imgbuild developers
License: Apache-2.0 or Expat
Comment: The program is linked statically. What with, and under which licences that is, says
 /usr/share/doc/imgbuild/THIRD-PARTY.

License: Apache-2.0
 On Debian systems, the Apache License 2.0 is in /usr/share/common-licenses/Apache-2.0.

License: Expat
";

/// What Debian's checker takes for faults: a static program that may be loaded anywhere for a library; that it knows of dpkg's files, which
/// it writes into images; that nobody has asked Debian for this package.
const OVERRIDES: &str = "\
imgbuild: shared-library-lacks-prerequisites [usr/bin/imgbuild]
imgbuild: uses-dpkg-database-directly [usr/bin/imgbuild]
imgbuild: initial-upload-closes-no-bugs [usr/share/doc/imgbuild/changelog.Debian.gz:1]
";

pub(super) fn make(release: &Release<'_>, folder: &Path) -> Result<(), DistError> {
    let mut bytes = 0;
    for entry in entries(release)? {
        entry.write(folder)?;
        bytes += entry.body.len();
    }
    let mut md5sum = Command::new("bash");
    md5sum.args(["-c", "find usr -type f -print0 | LC_ALL=C sort --zero-terminated | xargs --null md5sum"]);
    let sums = commands::text(md5sum.current_dir(folder))? + "\n";
    for (name, text) in [("control", control(release.machine.debian, bytes)), ("md5sums", sums)] {
        let body = Cow::Owned(text.into_bytes());
        Entry { path: format!("DEBIAN/{name}"), mode: 0o644, body }.write(folder)?;
    }
    let name = format!("imgbuild_{VERSION}-{REVISION}_{}.deb", release.machine.debian);
    let mut build = Command::new("dpkg-deb");
    build
        .args(["--root-owner-group", "-Zxz", if release.quick { "-z0" } else { "-z6" }, "--build"])
        .arg(folder)
        .arg(release.output.join(name));
    // With several threads xz cuts a file into blocks, as many as there are.
    commands::quiet(build.env("SOURCE_DATE_EPOCH", MOMENT).env("DPKG_DEB_THREADS_MAX", "1"))
}

/// The files, where Debian's policy wants them.
fn entries<'a>(release: &'a Release<'_>) -> Result<Vec<Entry<'a>>, DistError> {
    let mut entries = Vec::new();
    let mut licence = String::new();
    for mut entry in release.tree.entries() {
        if entry.path.ends_with("/LICENSE-MIT") {
            licence = String::from_utf8_lossy(&entry.body).into_owned();
        }
        // Debian has the texts of licences in one place, and `copyright` in that of them.
        if entry.path.contains("/LICENSE-") {
            continue;
        }
        if entry.path.starts_with("share/man/") {
            entry.path.push_str(".gz");
            entry.body = Cow::Owned(gzip(&entry.body)?);
        }
        let path = entry.path.replace("zsh/site-functions", "zsh/vendor-completions");
        entries.push(Entry { path: format!("usr/{path}"), ..entry });
    }
    let lines = licence.lines().skip_while(|line| !line.starts_with("Permission"));
    let lines = lines.map(|line| if line.is_empty() { " .\n".to_owned() } else { format!(" {line}\n") });
    let copyright = COPYRIGHT.to_owned() + &lines.collect::<String>();
    let changes = format!(
        "imgbuild ({VERSION}-{REVISION}) unstable; urgency=medium\n\n  * See the repository.\n\n -- The imgbuild developers <imgbuild@users.noreply.github.com>  Tue, 01 Jan 1980 00:00:00 +0000\n"
    );
    for (name, body) in [
        ("doc/imgbuild/copyright", copyright.into_bytes()),
        ("doc/imgbuild/changelog.Debian.gz", gzip(changes.as_bytes())?),
        ("lintian/overrides/imgbuild", OVERRIDES.as_bytes().to_vec()),
    ] {
        let path = format!("usr/share/{name}");
        entries.push(Entry { path, mode: 0o644, body: Cow::Owned(body) });
    }
    Ok(entries)
}

/// The package's fields (deb-control(5)).
fn control(architecture: &str, bytes: usize) -> String {
    format!(
        "Package: imgbuild
Version: {VERSION}-{REVISION}
Architecture: {architecture}
Maintainer: The imgbuild developers <imgbuild@users.noreply.github.com>
Installed-Size: {}
Recommends: uidmap
Suggests: git
Section: utils
Priority: optional
Homepage: https://github.com/imgbuild/imgbuild
Description: builds images of conda and Python environments
 imgbuild makes OCI images, which docker, podman and Kubernetes run, from a
 short declarative spec. It needs no daemon, no root and no Dockerfile, and the
 same spec and lock give the same bytes on every machine.
",
        bytes.div_ceil(1024)
    )
}

fn gzip(body: &[u8]) -> Result<Vec<u8>, DistError> {
    let mut command = Command::new("gzip");
    command.args(["--best", "--no-name"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut gzip = command.spawn()?;
    // Pages are smaller than what a pipe holds, or gzip reads them before it writes.
    if let Some(mut input) = gzip.stdin.take() {
        input.write_all(body)?;
    }
    let output = gzip.wait_with_output()?;
    if output.status.success() { Ok(output.stdout) } else { Err(DistError::of(&command)) }
}
