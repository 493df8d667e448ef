//! Credentials in variables, as CI has them.

use imgbuild_oci::RegistryHost;

use super::Variables;
use super::error::CredentialError;
use super::place::Place;
use crate::credential::Credential;

const REGISTRY: &str = "IMGBUILD_REGISTRY_HOST";
const USER: &str = "IMGBUILD_REGISTRY_USER";
const PASSWORD: &str = "IMGBUILD_REGISTRY_PASSWORD";
const TOKEN: &str = "IMGBUILD_REGISTRY_TOKEN";

/// The credential that variables hold, and the one registry that it is for: none other is shown it.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    place: Place,
    credential: Credential,
    /// The variable that holds it.
    variable: &'static str,
}

impl Named {
    /// Reads it. A variable that is empty is not set: CI keeps secrets from those who are not to have them so.
    pub(crate) fn read(variables: &Variables) -> Result<Option<Self>, CredentialError> {
        let set = |name: &str| variables.get(name).filter(|value| !value.is_empty()).cloned();
        let is_wrong = |name: &&&str| set(name).is_some_and(|value| value.contains(char::is_control));
        if let Some(name) = [USER, TOKEN].iter().find(is_wrong) {
            return Err(CredentialError::Control(name));
        }
        let (credential, variable) = match (set(USER), set(PASSWORD), set(TOKEN)) {
            (None, None, None) => return Ok(None),
            (Some(_), _, Some(_)) => return Err(CredentialError::Both(USER)),
            (_, Some(_), Some(_)) => return Err(CredentialError::Both(PASSWORD)),
            (None, None, Some(token)) => (Credential::RegistryToken(token), TOKEN),
            (Some(user), Some(password), None) => (Credential::Basic { user, password }, USER),
            (Some(_), None, None) => return Err(CredentialError::Half { set: USER, missing: PASSWORD }),
            (None, Some(_), None) => return Err(CredentialError::Half { set: PASSWORD, missing: USER }),
        };
        let registry = set(REGISTRY).ok_or(CredentialError::NoRegistry(variable))?;
        let place = Place::of_key(&registry);
        if !place.is_registry() {
            return Err(CredentialError::Registry(imgbuild_secret::public(&registry)));
        }
        Ok(Some(Self { place, credential, variable }))
    }

    /// The credential, where it is for this repository.
    pub(crate) fn credential(&self, host: &RegistryHost, repository: &str) -> Option<&Credential> {
        self.place.nearness(host, repository).map(|_| &self.credential)
    }

    /// For whom it is: a registry, or a part of one.
    pub(crate) fn place(&self) -> String {
        self.place.to_string()
    }

    /// The variable that holds it.
    pub(crate) fn variable(&self) -> &'static str {
        self.variable
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Option<Named>, CredentialError> {
        Named::read(&set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn each_is_for_the_registry_that_is_named_and_for_no_other() {
        let named = read(&[(REGISTRY, "https://r.example/"), (USER, "me"), (PASSWORD, "s3cret")]);
        let named = named.unwrap().unwrap();
        let of = |host: &str, repository: &str| named.credential(&host.parse().unwrap(), repository).cloned();
        let basic = Credential::Basic { user: "me".to_owned(), password: "s3cret".to_owned() };
        assert_eq!(of("r.example", "team/image"), Some(basic));
        assert_eq!((of("r.example:5000", "team/image"), of("docker.io", "library/base")), (None, None));

        let named = read(&[(REGISTRY, "r.example/team"), (TOKEN, "t0ken")]).unwrap().unwrap();
        let host = "r.example".parse().unwrap();
        let token = Credential::RegistryToken("t0ken".to_owned());
        assert_eq!(named.credential(&host, "team/image"), Some(&token));
        assert_eq!(named.credential(&host, "other/image"), None);
        assert_eq!(named.variable(), "IMGBUILD_REGISTRY_TOKEN");
    }

    #[test]
    fn what_is_empty_is_not_set() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[(REGISTRY, "r.example")]).unwrap().is_none());
        assert!(read(&[(REGISTRY, "r.example"), (USER, ""), (PASSWORD, ""), (TOKEN, "")]).unwrap().is_none());
    }

    #[test]
    fn what_says_half_is_refused() {
        let told = |set: &[(&str, &str)]| imgbuild_diagnostic::told(&read(set).unwrap_err());
        let all = [
            told(&[(REGISTRY, "r.example"), (USER, "me"), (PASSWORD, "")]),
            told(&[(REGISTRY, "r.example"), (PASSWORD, "s3cret")]),
            told(&[(REGISTRY, "r.example"), (USER, "me"), (PASSWORD, "s3cret"), (TOKEN, "t0ken")]),
            told(&[(USER, "me"), (PASSWORD, "s3cret")]),
            told(&[(TOKEN, "t0ken")]),
            told(&[(REGISTRY, "https://me:s3cret@r.example/v2/"), (TOKEN, "t0ken")]),
            told(&[(REGISTRY, "r.example"), (TOKEN, "t0ken\n")]),
        ];
        assert_snapshot!(all.join("\n\n"), @r"
        `IMGBUILD_REGISTRY_USER` is set, and `IMGBUILD_REGISTRY_PASSWORD` is not
        hint: set both for a user with a password, or `IMGBUILD_REGISTRY_TOKEN` for a bearer token

        `IMGBUILD_REGISTRY_PASSWORD` is set, and `IMGBUILD_REGISTRY_USER` is not
        hint: set both for a user with a password, or `IMGBUILD_REGISTRY_TOKEN` for a bearer token

        `IMGBUILD_REGISTRY_TOKEN` is set, and so is `IMGBUILD_REGISTRY_USER`: only one of them can be shown
        hint: unset one of them

        `IMGBUILD_REGISTRY_USER` is set, and nothing says which registry it is for
        hint: name the registry in `IMGBUILD_REGISTRY_HOST`: no other one is shown the credentials

        `IMGBUILD_REGISTRY_TOKEN` is set, and nothing says which registry it is for
        hint: name the registry in `IMGBUILD_REGISTRY_HOST`: no other one is shown the credentials

        `IMGBUILD_REGISTRY_HOST` is `https://r.example/v2/`, which names no registry
        hint: write it as `registry.example`, `registry.example:5000` or `registry.example/team`

        `IMGBUILD_REGISTRY_TOKEN` has a line break or another control character
        hint: take it out: what is read from a file often ends in a line break
        ");
    }
}
