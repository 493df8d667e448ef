//! The label that editors read (`image-metadata.md` of the dev container specification).

use serde_json::Value;

use crate::image::Inspected;
use crate::verdict::Verdict;

/// The label's name.
const LABEL: &str = "devcontainer.metadata";

/// Whether the label names a user of the image, by name: tools adapt the number of no other.
pub(crate) fn label(image: &Inspected) -> Verdict {
    let Some(text) = image.config.labels.get(LABEL) else {
        return Verdict::Fails(format!("it has no label `{LABEL}`"));
    };
    let parts = match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(parts)) => parts,
        Ok(part @ Value::Object(_)) => vec![part],
        _ => return Verdict::Fails(format!("its label `{LABEL}` is not JSON of one object or several")),
    };
    // What stands last counts.
    let user = parts.iter().rev().find_map(|part| part.get("remoteUser")?.as_str());
    let Some(user) = user.or_else(|| Some(image.user_text()).filter(|user| user.parse::<u32>().is_err()))
    else {
        return Verdict::Fails("it names nobody, and the image's user is a number".to_owned());
    };
    if image.facts.accounts.user(user).is_none() {
        return Verdict::Fails(format!("it names `{user}`, whom the image does not know"));
    }
    Verdict::Holds(format!("it names `{user}`"))
}
