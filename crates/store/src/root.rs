//! Where the store is.

use std::env;
use std::path::PathBuf;

use crate::StoreError;

/// The folder of the store: `$IMGBUILD_CACHE`, else the one that settings name, else `imgbuild` in the cache folder of the XDG base
/// directory specification.
///
/// # Errors
///
/// When none of the variables is set and the user has no home.
pub fn root(settings: Option<PathBuf>) -> Result<PathBuf, StoreError> {
    let folder = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    choose(folder("IMGBUILD_CACHE").or(settings), folder("XDG_CACHE_HOME"), env::home_dir())
}

fn choose(ours: Option<PathBuf>, xdg: Option<PathBuf>, home: Option<PathBuf>) -> Result<PathBuf, StoreError> {
    if let Some(ours) = ours {
        return Ok(ours);
    }
    // The specification wants relative paths to be ignored.
    let cache = xdg.filter(|path| path.is_absolute());
    let home = home.filter(|path| path.is_absolute()).map(|home| home.join(".cache"));
    Ok(cache.or(home).ok_or(StoreError::NoHome)?.join("imgbuild"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_set_holds() {
        let path = |text: &str| Some(PathBuf::from(text));
        for (ours, xdg, home, wanted) in [
            (path("here"), path("/xdg"), path("/home/a"), "here"),
            (None, path("/xdg"), path("/home/a"), "/xdg/imgbuild"),
            (None, path("xdg"), path("/home/a"), "/home/a/.cache/imgbuild"),
            (None, None, path("/home/a"), "/home/a/.cache/imgbuild"),
        ] {
            assert_eq!(choose(ours, xdg, home).unwrap(), PathBuf::from(wanted));
        }
        insta::assert_snapshot!(imgbuild_diagnostic::told(&choose(None, None, path("")).unwrap_err()), @r#"
        there is no home folder for the cache
        hint: set `IMGBUILD_CACHE` to a folder
        "#);
    }
}
