//! The image of imgbuild itself, built by imgbuild of `xtask/dist/image.toml`.

use std::path::Path;
use std::process::Command;

use super::error::DistError;
use super::release::{Release, VERSION};
use super::{commands, wheel};

/// The user of an image of which nothing else is said, for whoever asks for a name.
const USERS: &str =
    "root:x:0:0:root:/root:/sbin/nologin\nimgbuild:x:1000:0:imgbuild:/home/imgbuild:/sbin/nologin\n";

/// What conda's Python is linked with, as far as a glibc has it.
const LIBRARIES: [&str; 7] = [
    "libc.so.6",
    "libdl.so.2",
    "libm.so.6",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libutil.so.1",
];

pub(super) fn make(release: &Release<'_>, folder: &Path) -> Result<(), DistError> {
    fs_err::copy(release.workspace.join("xtask/dist/image.toml"), folder.join("image.toml"))?;
    for mut entry in release.tree.below("bin/").chain(release.tree.below("share/doc/imgbuild/")) {
        entry.path = entry.path.trim_start_matches("bin/").replace("share/doc/imgbuild", "doc");
        entry.write(folder)?;
    }
    c_library(release, folder)?;
    fs_err::write(folder.join("passwd"), USERS)?;
    fs_err::create_dir(folder.join("empty"))?;
    let print = "import certifi; print(certifi.where())";
    let authorities = commands::text(wheel::tools(release.workspace)?.command().args(["-P", "-c", print]))?;
    fs_err::copy(authorities, folder.join("authorities.pem"))?;

    let platform = release.machine.platform;
    let mut build = Command::new(release.runs_here);
    build.args(["build", "image.toml", "--quiet", "--platform", platform, "--output", "out"]);
    build.current_dir(folder).env("IMGBUILD_CACHE", folder.join("store")).env("SOURCE_DATE_EPOCH", "0");
    commands::quiet(&mut build)?;
    let name = format!("imgbuild-{VERSION}-{}.tar", platform.replace('/', "-"));
    let size = fs_err::copy(folder.join("out/imgbuild-latest.tar"), release.output.join(&name))?;
    match size > release.most_image {
        true => Err(DistError::Large { name, size, most: release.most_image }),
        false => Ok(()),
    }
}

/// The C library that the compiler links with.
fn c_library(release: &Release<'_>, folder: &Path) -> Result<(), DistError> {
    let machine = release.machine;
    let (compiler, loader) = (machine.compiler()?, folder.join(machine.loader));
    fs_err::create_dir_all(folder.join("lib"))?;
    fs_err::create_dir_all(folder.join("lib64"))?;
    let name = machine.loader.rsplit('/').next().unwrap_or(machine.loader);
    let libraries = LIBRARIES.iter().map(|name| (*name, folder.join("lib").join(name)));
    for (name, to) in libraries.chain([(name, loader)]) {
        let found = commands::text(Command::new(&compiler).arg(format!("-print-file-name={name}")))?;
        // What it does not have it calls by the name alone.
        if Path::new(&found).is_absolute() {
            fs_err::copy(found, to)?;
        }
    }
    Ok(())
}
