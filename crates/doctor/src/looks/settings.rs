//! imgbuild's own settings, and the variables that every command reads.

use std::path::Path;

use imgbuild_settings::{Settings, SettingsError};

use crate::finding::{Area, Finding, Verdict, message};
use crate::surroundings::{Surroundings, Variables, has_home};

/// Variables that must be numbers, and what they count.
const NUMBERS: [(&str, &str); 3] = [
    ("IMGBUILD_HTTP_RETRIES", "times"),
    ("SOURCE_DATE_EPOCH", "seconds since 1970"),
    ("IMGBUILD_CREDENTIAL_HELPER_TIMEOUT", "seconds"),
];

/// What the settings say, as far as they can be read; and what was found.
pub(crate) fn look(surroundings: &Surroundings) -> (Option<Settings>, Vec<Finding>) {
    let (settings, finding) = match Settings::of_machine(&surroundings.variables) {
        Ok(settings) => {
            let from = Settings::file(&surroundings.variables).map_or_else(
                || "there is no file of them, and none is needed".to_owned(),
                |path| format!("`{}` can be read", path.display()),
            );
            (Some(settings), Finding::new(Area::Settings, "settings", Verdict::Fine, from))
        }
        Err(error) => (None, wrong(&error)),
    };
    let mut findings = vec![finding.needed()];
    findings.extend(variables(&surroundings.variables));
    findings.push(home(surroundings));
    (settings, findings)
}

/// Settings that cannot be used. Of what stands in the file nothing is told: it may hold passwords.
fn wrong(error: &SettingsError) -> Finding {
    let told = |found: String| Finding::new(Area::Settings, "settings", Verdict::Wrong, found);
    let correct = |path: &Path| {
        format!(
            "correct `{}`, or name another file in `IMGBUILD_CONFIG`: no command works until then",
            path.display()
        )
    };
    match error {
        SettingsError::Wrong { path, error } => {
            let place = error.to_string().lines().next().unwrap_or_default().to_owned();
            // Where a value has another type, the message holds the value.
            let why = Some(error.message()).filter(|message| !message.starts_with("invalid"));
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            told(format!("`{}` is wrong: {place}{why}", path.display())).remedy(correct(path))
        }
        SettingsError::Read { path, .. } | SettingsError::Relative { path, .. } => {
            told(message(error)).remedy(correct(path))
        }
        SettingsError::Size { .. } => {
            told(message(error)).remedy("correct or unset it: no command works until then")
        }
    }
}

fn variables(variables: &Variables) -> impl Iterator<Item = Finding> {
    NUMBERS.into_iter().filter_map(|(name, what)| {
        let text = variables.get(name).filter(|text| !text.is_empty() && text.parse::<i64>().is_err())?;
        let found = format!("it is `{text}`, which is not a number of {what}");
        let told = Finding::new(Area::Settings, &format!("`{name}`"), Verdict::Wrong, found);
        Some(told.needed().remedy(format!("unset it, or set it to a number of {what}")))
    })
}

fn home(surroundings: &Surroundings) -> Finding {
    let home = surroundings.variable("HOME");
    let told = |verdict, found: String| Finding::new(Area::Settings, "home folder", verdict, found);
    let remedy = "set `HOME` to a folder, or name what is looked for there by `IMGBUILD_CONFIG`, `IMGBUILD_CACHE`, \
                  `REGISTRY_AUTH_FILE` and `NETRC`";
    match home {
        None => told(
            Verdict::Missing,
            "`HOME` is not set: no settings and credentials are looked for in a home".to_owned(),
        )
        .needed_if(!has_home())
        .remedy(if has_home() {
            remedy
        } else {
            "set `HOME` to a folder: nothing is built until then"
        }),
        Some(home) => match std::fs::metadata(home) {
            Ok(found) if found.is_dir() => told(Verdict::Fine, format!("`{home}`")),
            Ok(_) => told(Verdict::Wrong, format!("`HOME` is `{home}`, which is no folder")).remedy(remedy),
            Err(error) => told(Verdict::Wrong, format!("`HOME` is `{home}`, which cannot be read: {error}"))
                .remedy(remedy),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> (bool, String) {
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let surroundings = Surroundings::new("/", variables);
        let (settings, findings) = look(&surroundings);
        (settings.is_some(), crate::looks::shown(&findings))
    }

    #[test]
    fn nothing_of_what_stands_in_the_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        let mut all = String::new();
        for text in
            ["variables = \"hunter2\"\n", "[variables]\nPASSWORD = hunter2\n", "[variables]\nA = 1234\n"]
        {
            std::fs::write(&file, text).unwrap();
            all.push_str(&found(&[("IMGBUILD_CONFIG", file.to_str().unwrap()), ("HOME", "/")]).1);
        }
        all.push_str(&found(&[("IMGBUILD_CONFIG", "/absent"), ("HOME", "/")]).1);
        all.push_str(&found(&[("IMGBUILD_CACHE_SIZE", "big"), ("HOME", "/")]).1);
        assert!(!all.contains("hunter2") && !all.contains("1234"), "{all}");
        insta::assert_snapshot!(all.replace(&folder.path().display().to_string(), "HERE"), @"
        wrong! settings: `HERE/config.toml` is wrong: TOML parse error at line 1, column 13
          -> correct `HERE/config.toml`, or name another file in `IMGBUILD_CONFIG`: no command works until then
        fine home folder: `/`
        wrong! settings: `HERE/config.toml` is wrong: TOML parse error at line 2, column 12: string values must be quoted, expected literal string
          -> correct `HERE/config.toml`, or name another file in `IMGBUILD_CONFIG`: no command works until then
        fine home folder: `/`
        wrong! settings: `HERE/config.toml` is wrong: TOML parse error at line 2, column 5
          -> correct `HERE/config.toml`, or name another file in `IMGBUILD_CONFIG`: no command works until then
        fine home folder: `/`
        wrong! settings: the settings `/absent` cannot be read: No such file or directory (os error 2)
          -> correct `/absent`, or name another file in `IMGBUILD_CONFIG`: no command works until then
        fine home folder: `/`
        wrong! settings: `IMGBUILD_CACHE_SIZE` is `big`, which is no size: its unit is none of B, KB, MB, GB, TB, KiB, MiB, GiB, TiB
          -> correct or unset it: no command works until then
        fine home folder: `/`
        ");
    }

    #[test]
    fn nothing_is_needed() {
        let (read, found) = found(&[]);
        assert!(read);
        insta::assert_snapshot!(found, @"
        fine! settings: there is no file of them, and none is needed
        missing home folder: `HOME` is not set: no settings and credentials are looked for in a home
          -> set `HOME` to a folder, or name what is looked for there by `IMGBUILD_CONFIG`, `IMGBUILD_CACHE`, `REGISTRY_AUTH_FILE` and `NETRC`
        ");
    }

    #[test]
    fn what_is_wrong_is_told_with_the_file_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().display().to_string();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, "[cache]\nsize = \"big\"\n").unwrap();
        let (read, found) = found(&[
            ("IMGBUILD_CONFIG", file.to_str().unwrap()),
            ("HOME", file.to_str().unwrap()),
            ("IMGBUILD_HTTP_RETRIES", "often"),
            ("SOURCE_DATE_EPOCH", "1700000000"),
        ]);
        assert!(!read);
        insta::assert_snapshot!(found.replace(&here, "HERE"), @"
        wrong! settings: `HERE/config.toml` is wrong: TOML parse error at line 2, column 8: `big` is no size: its unit is none of B, KB, MB, GB, TB, KiB, MiB, GiB, TiB
          -> correct `HERE/config.toml`, or name another file in `IMGBUILD_CONFIG`: no command works until then
        wrong! `IMGBUILD_HTTP_RETRIES`: it is `often`, which is not a number of times
          -> unset it, or set it to a number of times
        wrong home folder: `HOME` is `HERE/config.toml`, which is no folder
          -> set `HOME` to a folder, or name what is looked for there by `IMGBUILD_CONFIG`, `IMGBUILD_CACHE`, `REGISTRY_AUTH_FILE` and `NETRC`
        ");
    }
}
