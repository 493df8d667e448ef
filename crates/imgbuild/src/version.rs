//! What `imgbuild --version --verbose` says, for reports of faults.

use imgbuild_oci::Platform;

/// Whether the words of a command line ask for it: `--version` and `--verbose`, and no command.
pub(crate) fn is_asked(words: impl Iterator<Item = String>) -> bool {
    let (mut version, mut verbose) = (false, false);
    for word in words {
        match word.as_str() {
            "--version" | "-V" => version = true,
            "--verbose" | "-v" | "-vv" => verbose = true,
            "-Vv" | "-vV" => return true,
            _ => return false,
        }
    }
    version && verbose
}

/// The version, those of the formats that it writes, and the libraries on which the bytes of layers depend.
pub(crate) fn text() -> String {
    let host = Platform::host().map_or_else(|| "an unknown platform".to_owned(), |host| host.to_string());
    let system = rustix::system::uname();
    let kernel = system.release().to_string_lossy();
    let format = imgbuild_layer::FormatVersion::LATEST;
    let rows = [
        ("lock format", format.number().to_string()),
        ("layer format", format.of_layers().to_string()),
        ("compression", imgbuild_layer::Codec::ALL.map(imgbuild_layer::Codec::recipe).join("; ")),
        ("uv", imgbuild_pypi::UV_VERSION.to_owned()),
        ("host", format!("{host}, Linux {kernel}")),
    ];
    let rows: String = rows.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!("imgbuild {}\n{rows}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_for_by_both_and_without_a_command() {
        let asked = |words: &str| is_asked(words.split_whitespace().map(str::to_owned));
        for words in ["--version --verbose", "--verbose --version", "-V -v", "-vV", "-Vv", "--version -vv"] {
            assert!(asked(words), "{words}");
        }
        for words in ["", "--version", "-v", "build --version --verbose", "--version --verbose check"] {
            assert!(!asked(words), "{words}");
        }
    }
}
