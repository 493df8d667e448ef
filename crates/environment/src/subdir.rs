//! conda's names of platforms.

use imgbuild_oci::Platform;

/// The platform that conda calls so, where images can be made for it.
pub(crate) fn platform(subdir: &str) -> Option<Platform> {
    match subdir {
        "linux-64" => Some(Platform::LinuxAmd64),
        "linux-aarch64" => Some(Platform::LinuxArm64),
        _ => None,
    }
}

/// conda's name of a platform.
pub(crate) fn subdir(platform: Platform) -> &'static str {
    match platform {
        Platform::LinuxAmd64 => "linux-64",
        Platform::LinuxArm64 => "linux-aarch64",
    }
}
