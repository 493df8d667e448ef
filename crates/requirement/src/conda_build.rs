//! What `pip freeze` prints inside a conda environment: `name @ file:///home/conda/feedstock_root/…`. conda's packages remember
//! the folder in which they were built, on a machine that nobody has.

use std::path::Path;

use crate::fault::Fault;
use crate::project::ProjectName;

/// Parts of the paths under which conda's builders work: conda-forge's, Anaconda's old and new ones, and conda-build's own.
const FOLDERS: [&str; 6] = [
    "/feedstock_root/",
    "/croot/",
    "/conda-bld/",
    "/tmp/build/80754af9/",
    "/bld/",
    "/conda_build_artifacts/",
];

/// Refuses a requirement whose path is one of a machine where conda built the package, unless it is there.
pub(crate) fn refuse(name: &str, location: &str) -> Result<(), Fault> {
    let Some(path) = location.strip_prefix("file://") else { return Ok(()) };
    let path = path.split('#').next().unwrap_or_default();
    let whole = format!("{path}/").replace('\\', "/").to_lowercase();
    if !FOLDERS.iter().any(|folder| whole.contains(folder)) || Path::new(path).exists() {
        return Ok(());
    }
    let written = match version(name, path) {
        Some(version) => format!("`{name}=={version}`"),
        None => format!("`{name}==VERSION`, with the version that `conda list` or `pip list` shows"),
    };
    Err(Fault {
        rule: "its path is of the machine on which conda built the package, as `pip freeze` prints it inside conda".to_owned(),
        hint: Some(
            format!("write {written}, or take `{name}` from conda's channels; `pip list --format=freeze` prints versions for all")
                .into(),
        ),
    })
}

/// The version, where the path ends in a wheel of the project.
fn version<'a>(name: &str, path: &'a str) -> Option<&'a str> {
    let mut parts = path.rsplit('/').next()?.strip_suffix(".whl")?.split('-');
    let of = parts.next()?.parse::<ProjectName>().ok()?;
    let same = name.parse::<ProjectName>().is_ok_and(|name| name == of);
    parts.next().filter(|_| same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_condas_builders_is_known() {
        for path in [
            "/home/conda/feedstock_root/build_artifacts/idna_1642433548627/work",
            "/croot/certifi_1671487769961/work/certifi",
            "/tmp/build/80754af9/cffi_1625814693446/work",
            "/opt/conda/conda-bld/numpy_and_numpy_base_1652801679809/work",
            "/private/var/folders/sy/f16zz6x50xz3113nwtb9bvq00000gp/T/abs_1/croot/packaging_1693575178038/work",
            "/C:/b/abs_a5e9f0nc/croot/pytz_1671697430473/work",
            "/D:/bld/numpy_1612345678901/work",
            "/Users/ktietz/demo/mc3/conda-bld/pycparser_1630600918034/work",
            "/work/ci_py311/croot/six_1/work",
        ] {
            let fault = refuse("x", &format!("file://{path}")).unwrap_err();
            assert!(fault.hint.unwrap().starts_with("write `x==VERSION`, with the version that"), "{path}");
        }
        let wheel =
            "file:///croot/pandas_1692289311655/work/dist/pandas-2.0.3-cp39-cp39-linux_x86_64.whl#sha256=ab";
        assert!(
            refuse("Pandas", wheel).unwrap_err().hint.unwrap().starts_with("write `Pandas==2.0.3`, or take")
        );
        for other in
            ["file:///home/me/project", "https://h.example/croot/x.whl", "./croot/x", "file:///srv/build/x"]
        {
            assert!(refuse("x", other).is_ok(), "{other}");
        }
    }
}
