//! The label that editors read (`image-metadata.md` of the dev container specification).

use serde_json::Value;

use crate::image::Inspected;
use crate::verdict::Verdict;

/// The label's name.
const LABEL: &str = "devcontainer.metadata";

/// Who works in it, as editors find out: by the label, whose last part counts, else by the image's user.
pub(crate) fn user(image: &Inspected) -> Result<String, String> {
    let parts = match image.config.labels.get(LABEL).map(|text| serde_json::from_str::<Value>(text)) {
        None => Vec::new(),
        Some(Ok(Value::Array(parts))) => parts,
        Some(Ok(part @ Value::Object(_))) => vec![part],
        Some(_) => return Err(format!("its label `{LABEL}` is not JSON of one object or several")),
    };
    let named = |key: &str| parts.iter().rev().find_map(|part| part.get(key)?.as_str().map(str::to_owned));
    let own = || match image.user_text() {
        "" => "root".to_owned(),
        user => user.to_owned(),
    };
    Ok(named("remoteUser").or_else(|| named("containerUser")).unwrap_or_else(own))
}

/// Whether editors find a user by name: tools adapt the number of no other.
pub(crate) fn label(image: &Inspected) -> Verdict {
    match user(image) {
        Err(fault) => Verdict::Fails(fault),
        Ok(user) if user.parse::<u32>().is_ok() => {
            Verdict::Fails(format!("it names nobody, and the image's user is the number {user}"))
        }
        Ok(user) if user != "root" && image.facts.accounts.user(&user).is_none() => {
            Verdict::Fails(format!("it names `{user}`, whom the image does not know"))
        }
        Ok(user) => Verdict::Holds(format!("it is `{user}`")),
    }
}
