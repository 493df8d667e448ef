//! What editors read of an image that they open as a dev container: the label `devcontainer.metadata` of the dev container
//! specification (`image-metadata.md`).

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The label's name.
pub const DEV_CONTAINER_LABEL: &str = "devcontainer.metadata";

/// The label of an image that serves: who works in it, by name, because tools that adapt the user's number look for no other; the
/// ports that are forwarded; and what an editor wants for Python. What a base says of itself stays before it.
pub fn dev_container(user: Option<&str>, ports: &[u16], has_jupyter: bool, base: Option<&String>) -> String {
    let mut extensions = vec!["ms-python.python"];
    extensions.extend(has_jupyter.then_some("ms-toolsai.jupyter"));
    // Sorted, whatever serde_json is told to keep.
    let mut own: BTreeMap<&str, Value> = BTreeMap::from([
        ("customizations", json!({ "vscode": { "extensions": extensions } })),
        ("forwardPorts", json!(ports)),
        // The image starts what it serves, and a tool's own command would take that away.
        ("overrideCommand", json!(false)),
        ("userEnvProbe", json!("loginInteractiveShell")),
    ]);
    own.extend(user.map(|user| ("remoteUser", json!(user))));
    let before = base.and_then(|text| serde_json::from_str::<Vec<Value>>(text).ok());
    let all: Vec<Value> = before.into_iter().flatten().chain([json!(own)]).collect();
    json!(all).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_says_who_works_in_it() {
        assert_eq!(
            dev_container(Some("ada"), &[8888], true, None),
            r#"[{"customizations":{"vscode":{"extensions":["ms-python.python","ms-toolsai.jupyter"]}},"forwardPorts":[8888],"overrideCommand":false,"remoteUser":"ada","userEnvProbe":"loginInteractiveShell"}]"#
        );
    }

    #[test]
    fn what_a_base_says_stays() {
        let base = r#"[{"id":"feature"}]"#.to_owned();
        let value = dev_container(None, &[2222], false, Some(&base));
        assert!(value.starts_with(r#"[{"id":"feature"},{"#) && !value.contains("remoteUser"), "{value}");
    }
}
