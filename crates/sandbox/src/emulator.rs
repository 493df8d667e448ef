//! Running programs of a foreign platform through qemu-user.

use std::fs;

use imgbuild_oci::Platform;

use crate::SandboxError;
use crate::ids;

/// How programs of a platform are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Emulation {
    /// The kernel runs them, or knows who does.
    None,
    /// Each sandbox tells the kernel, with this line.
    Register(String),
}

/// Where the kernel lists what it knows of.
const REGISTERED: &str = "/proc/sys/fs/binfmt_misc";

/// The architecture as qemu names it, and its number in an ELF header (`e_machine`).
fn qemu(platform: Platform) -> (&'static str, u8) {
    match platform {
        Platform::LinuxAmd64 => ("x86_64", 62),
        Platform::LinuxArm64 => ("aarch64", 183),
    }
}

/// How a program of this platform begins, and which bits of that count: an ELF header of 64 bits, little endian, an
/// executable or a library, for any operating system. As in qemu's own `qemu-binfmt-conf.sh`.
fn magic(machine: u8) -> ([u8; 20], [u8; 20]) {
    let mut magic = [0; 20];
    magic[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    (magic[16], magic[18]) = (2, machine);
    let mut mask = [0xff; 20];
    (mask[7], mask[16]) = (0, 0xfe);
    (magic, mask)
}

/// How programs of this platform can be run here.
pub(crate) fn of(platform: Platform) -> Result<Emulation, SandboxError> {
    if Platform::host() == Some(platform) || is_registered(platform) {
        return Ok(Emulation::None);
    }
    let (name, machine) = qemu(platform);
    let program = format!("qemu-{name}-static");
    let found = [&program, &format!("qemu-{name}")].into_iter().find_map(|name| ids::program(name));
    let Some(path) = found else {
        return Err(SandboxError::Foreign {
            platform,
            reason: format!("there is no `{program}`"),
            hint: "install `qemu-user-static`".to_owned(),
        });
    };
    let (magic, mask) = magic(machine);
    let escaped = |bytes: [u8; 20]| bytes.map(|byte| format!("\\x{byte:02x}")).concat();
    // `F`: it is opened now, while it can be found. `P`: the program sees its own name.
    let line = format!(":imgbuild-{name}:M::{}:{}:{}:FP", escaped(magic), escaped(mask), path.display());
    Ok(Emulation::Register(line))
}

/// Whether the kernel knows of an emulator that it opened when it was told: another one is not found in the image.
fn is_registered(platform: Platform) -> bool {
    let (magic, _) = magic(qemu(platform).1);
    let Ok(folder) = fs::read_dir(REGISTERED) else { return false };
    folder
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.path()).ok())
        .any(|text| is_for(&text, &magic))
}

/// Reads an entry of binfmt_misc: binfmt-misc.rst.
fn is_for(text: &str, magic: &[u8; 20]) -> bool {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let hex: String = magic.iter().map(|byte| format!("{byte:02x}")).collect();
    text.starts_with("enabled") && field("flags: ").contains('F') && field("magic ") == hex
}

/// Why the kernel could not be told.
pub(crate) fn unregistered(platform: Platform, error: &SandboxError) -> SandboxError {
    let mut reason = error.to_string();
    if let Some(cause) = std::error::Error::source(error) {
        reason = format!("{reason}: {cause}");
    }
    let usual = "a kernel from Linux 6.7 on lets each sandbox register one, where its module `binfmt_misc` is there; on an \
                 older one, install `binfmt-support` and `qemu-user-static`, whose registration is for the whole machine";
    let hints: Vec<String> =
        imgbuild_diagnostic::hints(error).into_iter().chain([usual.to_owned()]).collect();
    SandboxError::Foreign {
        platform,
        reason: format!("no emulator is registered with the kernel, and {reason}"),
        hint: hints.join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_emulator_that_is_open_already_counts() {
        let (magic, _) = magic(183);
        let entry = |first: &str, flags: &str| {
            format!(
                "{first}\ninterpreter /usr/bin/qemu-aarch64-static\nflags: {flags}\noffset 0\n\
                 magic 7f454c460201010000000000000000000200b700\n\
                 mask ffffffffffffff00fffffffffffffffffeffffff\n"
            )
        };
        assert!(is_for(&entry("enabled", "OCF"), &magic));
        assert!(!is_for(&entry("enabled", "OC"), &magic));
        assert!(!is_for(&entry("disabled", "OCF"), &magic));
        assert!(!is_for(&entry("enabled", "OCF").replace("b700", "f300"), &magic));
    }
}
