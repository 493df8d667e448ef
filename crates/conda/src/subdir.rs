//! conda's names of platforms.

use imgbuild_oci::Platform;
use rattler_conda_types::Subdir;

/// conda's name of a platform.
pub fn subdir(platform: Platform) -> Subdir {
    match platform {
        Platform::LinuxAmd64 => Subdir::Linux64,
        Platform::LinuxArm64 => Subdir::LinuxAarch64,
    }
}
