//! For whom credentials are kept on this machine, and where: never what they are. No program that keeps some is run.

use imgbuild_oci::RegistryHost;

use super::config_file::ConfigFile;
use super::place::Place;
use super::{CredentialError, Credentials, WHOLE_FILE};

/// Where a credential is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeper {
    /// In this variable.
    Variable(String),
    /// In this file, itself.
    File(String),
    /// By a program, which a file names.
    Program {
        /// The program.
        program: String,
        /// The file or the variable that names it.
        of: String,
        /// Whether it is where `PATH` finds it.
        is_there: bool,
    },
}

/// For whom a credential is kept, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCredential {
    /// The registry, or the repositories below a path of it, as whoever keeps it writes it; nothing for a program that is asked for
    /// every registry.
    pub place: Option<String>,
    /// That registry.
    pub registry: Option<RegistryHost>,
    /// Where it is.
    pub keeper: Keeper,
}

impl Credentials {
    /// Everything that is kept, in the order in which it is looked for; and what cannot be read.
    pub fn kept(&self) -> (Vec<KeptCredential>, Vec<CredentialError>) {
        let (mut kept, mut errors) = (Vec::new(), Vec::new());
        if let Some(named) = &self.named {
            let keeper = Keeper::Variable(named.variable().to_owned());
            kept.push(KeptCredential::of(Some(&named.place()), keeper));
        }
        for path in self.files.all() {
            match self.read(path) {
                Ok(Some(file)) => {
                    kept.extend(self.of_file(&file, || Keeper::File(path.display().to_string())))
                }
                Ok(None) => {}
                Err(error) => errors.push(error),
            }
        }
        match self.whole_file.as_ref().map(|text| ConfigFile::parse(WHOLE_FILE, text.as_bytes())) {
            Some(Ok(file)) => kept.extend(self.of_file(&file, || Keeper::Variable(WHOLE_FILE.to_owned()))),
            Some(Err(error)) => errors.push(error),
            None => {}
        }
        (kept, errors)
    }

    fn of_file(&self, file: &ConfigFile, keeper: impl Fn() -> Keeper) -> Vec<KeptCredential> {
        let own = file.kept_keys().map(|key| KeptCredential::of(Some(key), keeper()));
        let programs = file.programs().map(|(place, name)| {
            let program = format!("docker-credential-{name}");
            let is_there = self.helpers.find(&program).is_some();
            let keeper = Keeper::Program { program, of: file.of().to_owned(), is_there };
            KeptCredential::of(place.map(String::as_str), keeper)
        });
        programs.chain(own).collect()
    }
}

impl KeptCredential {
    /// A key may be a URL that somebody has put a password into.
    fn of(key: Option<&str>, keeper: Keeper) -> Self {
        let place = key.map(imgbuild_secret::public);
        let registry = place.as_deref().and_then(|place| Place::of_key(place).registry());
        Self { place, registry, keeper }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn for_whom_and_where_but_never_what() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let file = r#"{
            "auths": {
                "r.example": { "auth": "bWU6aHVudGVyMg==" },
                "https://me:hunter2@u.example/v1/": { "registrytoken": "hunter2" },
                "kept.example": {}
            },
            "credHelpers": { "cloud.example": "there" },
            "credsStore": "away"
        }"#;
        std::fs::write(path("auth.json"), file).unwrap();
        std::fs::write(path("docker-credential-there"), "#!/bin/sh\nexit 1\n").unwrap();
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path("docker-credential-there"), mode).unwrap();
        let variables = [
            ("REGISTRY_AUTH_FILE", path("auth.json").as_str()),
            ("PATH", path("").trim_end_matches('/')),
            ("IMGBUILD_REGISTRY_HOST", "ci.example/team"),
            ("IMGBUILD_REGISTRY_TOKEN", "hunter2"),
            ("DOCKER_AUTH_CONFIG", "{ hunter2"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (kept, errors) = Credentials::of_machine(&variables.into()).unwrap().kept();
        let shown: Vec<String> = kept.iter().map(|it| format!("{it:?}")).collect();
        let text = format!("{}\n{}", shown.join("\n"), errors[0]).replace(&path(""), "HERE/");
        assert!(!text.contains("hunter2") && !text.contains("bWU6"), "{text}");
        insta::assert_snapshot!(text, @r#"
        KeptCredential { place: Some("ci.example/team"), registry: Some(RegistryHost { host: "ci.example", port: None }), keeper: Variable("IMGBUILD_REGISTRY_TOKEN") }
        KeptCredential { place: Some("cloud.example"), registry: Some(RegistryHost { host: "cloud.example", port: None }), keeper: Program { program: "docker-credential-there", of: "HERE/auth.json", is_there: true } }
        KeptCredential { place: None, registry: None, keeper: Program { program: "docker-credential-away", of: "HERE/auth.json", is_there: false } }
        KeptCredential { place: Some("https://u.example/v1/"), registry: Some(RegistryHost { host: "u.example", port: None }), keeper: File("HERE/auth.json") }
        KeptCredential { place: Some("r.example"), registry: Some(RegistryHost { host: "r.example", port: None }), keeper: File("HERE/auth.json") }
        `DOCKER_AUTH_CONFIG` cannot be read as credentials: it is no JSON at line 1, column 3
        "#);
    }
}
