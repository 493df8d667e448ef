//! For whom credentials are kept on this machine, and where: never what they are.

use imgbuild_conda::kept_credentials;
use imgbuild_oci::RegistryHost;
use imgbuild_pypi::netrc_servers;
use imgbuild_registry::{Credentials, Keeper, KeptCredential};

use crate::finding::{Area, Finding, Verdict, message};
use crate::surroundings::{Surroundings, has_home};
use crate::thresholds::MOST_SERVERS;

/// What was found, and the registries that something is kept for.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) findings: Vec<Finding>,
    pub(crate) registries: Vec<RegistryHost>,
}

/// Looks at the variables, the files and the programs that keep credentials. `needed` says whether a registry is to be asked.
pub(crate) fn look(surroundings: &Surroundings, needed: bool) -> Kept {
    let mut kept = of_registries(surroundings, needed);
    kept.findings.extend(of_channels(surroundings));
    kept.findings.extend(of_netrc(surroundings));
    if kept.findings.is_empty() {
        let none = "none is kept: servers that want to know who asks give nothing";
        let told = Finding::new(Area::Credentials, "credentials", Verdict::Missing, none);
        kept.findings.push(told.remedy("`imgbuild login HOST` keeps one for a registry"));
    }
    kept
}

fn of_registries(surroundings: &Surroundings, needed: bool) -> Kept {
    let what = "credentials for registries";
    let credentials = match Credentials::of_machine(&surroundings.variables) {
        Ok(credentials) => credentials,
        Err(error) => {
            let findings = vec![Finding::of(Area::Credentials, what, &error).needed_if(needed)];
            return Kept { findings, ..Kept::default() };
        }
    };
    let (all, errors) = credentials.kept();
    let mut findings: Vec<Finding> =
        errors.iter().map(|error| Finding::of(Area::Credentials, what, error).needed_if(needed)).collect();
    findings.extend(all.iter().take(MOST_SERVERS).map(of_kept));
    if let Some(more) = all.len().checked_sub(MOST_SERVERS).filter(|more| *more > 0) {
        findings.push(Finding::new(Area::Credentials, what, Verdict::Fine, format!("and {more} more")));
    }
    let mut registries: Vec<RegistryHost> = Vec::new();
    for registry in all.into_iter().filter_map(|kept| kept.registry) {
        if !registries.contains(&registry) {
            registries.push(registry);
        }
    }
    Kept { findings, registries }
}

fn of_kept(kept: &KeptCredential) -> Finding {
    let place = kept.place.as_ref().map_or_else(|| "every registry".to_owned(), |place| format!("`{place}`"));
    let told = |verdict, found: String| Finding::new(Area::Credentials, &place, verdict, found);
    match &kept.keeper {
        Keeper::Variable(name) => told(Verdict::Fine, format!("the variable `{name}` holds a credential")),
        Keeper::File(path) => told(Verdict::Fine, format!("`{path}` holds a credential")),
        Keeper::Program { program, of, is_there: true } => {
            told(Verdict::Fine, format!("`{program}` is asked, which `{of}` names"))
        }
        Keeper::Program { program, of, is_there: false } => {
            told(Verdict::Wrong, format!("`{of}` names `{program}`, which is not installed"))
                .remedy("install it where `PATH` finds it, or take it out of that file")
        }
    }
}

/// What rattler's programs keep. What is wrong with a file of theirs is not told in their words: these hold what stands there.
fn of_channels(surroundings: &Surroundings) -> Vec<Finding> {
    let Ok(kept) = kept_credentials() else {
        if !has_home() {
            let found = "they are looked for in a home, and this user has none";
            let told = Finding::new(Area::Credentials, "credentials for channels", Verdict::Missing, found);
            return vec![told.needed().remedy("set `HOME` to a folder: nothing is built until then")];
        }
        let file = surroundings.variable("RATTLER_AUTH_FILE").unwrap_or("~/.rattler/credentials.json");
        let found = format!("`{file}` cannot be read, or is no file of credentials");
        let told = Finding::new(Area::Credentials, "credentials for channels", Verdict::Wrong, found);
        return vec![told.needed().remedy(
            "correct it or take it away: nothing is built until then; `RATTLER_AUTH_FILE` names another one",
        )];
    };
    let others = kept.into_iter().filter(|(_, source)| !source.starts_with("netrc"));
    let finding = |(host, source): (String, String)| {
        // It is called `file (PATH)`.
        let path = source.strip_prefix("file (").and_then(|it| it.strip_suffix(')')).unwrap_or(&source);
        let found = format!("`{path}` holds a credential for channels");
        Finding::new(Area::Credentials, &format!("`{host}`"), Verdict::Fine, found)
    };
    others.take(MOST_SERVERS).map(finding).collect()
}

fn of_netrc(surroundings: &Surroundings) -> Option<Finding> {
    let what = "`.netrc`";
    let told = |verdict, found: String| Finding::new(Area::Credentials, what, verdict, found);
    match netrc_servers(&surroundings.variables) {
        Ok(None) => None,
        Ok(Some((path, servers))) => {
            let servers: Vec<String> =
                servers.iter().take(MOST_SERVERS).map(|it| format!("`{it}`")).collect();
            let path = path.display();
            Some(match servers.as_slice() {
                [] => told(Verdict::Fine, format!("`{path}` names no server")),
                servers => told(
                    Verdict::Fine,
                    format!("`{path}` holds users and passwords for {}", servers.join(", ")),
                ),
            })
        }
        Err(error) => {
            Some(told(Verdict::Wrong, message(&error)).remedy(
                "correct it, or let `NETRC` name another file: no index of wheels is asked until then",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::looks::shown;

    fn surroundings(variables: &[(&str, &str)]) -> Surroundings {
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Surroundings::new("/", variables)
    }

    #[test]
    fn for_whom_and_where() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let auth = path(
            "auth.json",
            r#"{"auths":{"r.example":{"auth":"bWU6aHVudGVyMg=="},"https://index.docker.io/v1/":{"registrytoken":"hunter2"}},"credHelpers":{"cloud.example":"absent"}}"#,
        );
        let netrc = path("netrc", "machine i.example login me password hunter2\n");
        let all = surroundings(&[("REGISTRY_AUTH_FILE", &auth), ("NETRC", &netrc), ("PATH", "/nowhere")]);
        let kept = of_registries(&all, true);
        let findings: Vec<Finding> = kept.findings.into_iter().chain(of_netrc(&all)).collect();
        let text = shown(&findings).replace(&folder.path().display().to_string(), "HERE");
        assert!(!text.contains("hunter2") && !text.contains("bWU6"), "{text}");
        insta::assert_snapshot!(text, @"
        wrong `cloud.example`: `HERE/auth.json` names `docker-credential-absent`, which is not installed
          -> install it where `PATH` finds it, or take it out of that file
        fine `https://index.docker.io/v1/`: `HERE/auth.json` holds a credential
        fine `r.example`: `HERE/auth.json` holds a credential
        fine `.netrc`: `HERE/netrc` holds users and passwords for `i.example`
        ");
        let registries: Vec<String> = kept.registries.iter().map(ToString::to_string).collect();
        assert_eq!(registries, ["cloud.example", "docker.io", "r.example"]);
    }

    #[test]
    fn files_that_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "{\"auths\": \"hunter2\"").unwrap();
        let path = path.display().to_string();
        let wrong = surroundings(&[("REGISTRY_AUTH_FILE", &path), ("NETRC", "/proc")]);
        let findings: Vec<Finding> =
            of_registries(&wrong, true).findings.into_iter().chain(of_netrc(&wrong)).collect();
        let text = shown(&findings).replace(&folder.path().display().to_string(), "HERE");
        assert!(!text.contains("hunter2"), "{text}");
        insta::assert_snapshot!(text, @"
        wrong! credentials for registries: `HERE/x` cannot be read as credentials: a value of another kind at line 1, column 19
          -> it is JSON in the form of docker's `config.json`; correct it, or take it away and log in anew
        wrong `.netrc`: cannot read the settings in `/proc`: Is a directory (os error 21)
          -> correct it, or let `NETRC` name another file: no index of wheels is asked until then
        ");
        let half = surroundings(&[("IMGBUILD_REGISTRY_TOKEN", "hunter2")]);
        insta::assert_snapshot!(shown(&of_registries(&half, false).findings), @"
        wrong credentials for registries: `IMGBUILD_REGISTRY_TOKEN` is set, and nothing says which registry it is for
          -> name the registry in `IMGBUILD_REGISTRY_HOST`: no other one is shown the credentials
        ");
    }
}
