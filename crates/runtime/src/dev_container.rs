//! What editors read of an image that they open as a dev container: the label `devcontainer.metadata` of the dev container
//! specification (`image-metadata.md`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// The label's name.
pub const DEV_CONTAINER_LABEL: &str = "devcontainer.metadata";

/// What editors are told of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DevContainer<'a> {
    /// Who works in it, by name, because tools that adapt the user's number look for no other. The container is started as that user
    /// too: these tools leave the image's own, which is a number, as it is, and it then is nobody's.
    pub user: Option<&'a str>,
    /// The ports that are forwarded.
    pub ports: Vec<u16>,
    /// Whether it has Jupyter.
    pub has_jupyter: bool,
    /// Whether it starts something that goes on.
    pub serves: bool,
    /// Extensions beside those for Python and Jupyter.
    pub extensions: Vec<String>,
}

impl DevContainer<'_> {
    /// The label's value. What a base says of itself stays before it.
    pub fn metadata(&self, base: Option<&String>) -> String {
        let mut extensions = vec!["ms-python.python"];
        extensions.extend(self.has_jupyter.then_some("ms-toolsai.jupyter"));
        for extension in &self.extensions {
            if !extensions.contains(&extension.as_str()) {
                extensions.push(extension);
            }
        }
        let ports: BTreeSet<u16> = self.ports.iter().copied().collect();
        // Sorted, whatever serde_json is told to keep.
        let mut own: BTreeMap<&str, Value> = BTreeMap::from([
            ("customizations", json!({ "vscode": { "extensions": extensions } })),
            ("forwardPorts", json!(ports)),
            // A tool's own command, which only waits, would take away what the image starts; without it, an image that
            // starts nothing that goes on would end.
            ("overrideCommand", json!(!self.serves)),
            ("userEnvProbe", json!("loginInteractiveShell")),
        ]);
        let roles = ["containerUser", "remoteUser"];
        own.extend(self.user.into_iter().flat_map(|user| roles.map(|role| (role, json!(user)))));
        let before = base.and_then(|text| serde_json::from_str::<Vec<Value>>(text).ok());
        let all: Vec<Value> = before.into_iter().flatten().chain([json!(own)]).collect();
        json!(all).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_says_who_works_in_it() {
        let mut it = DevContainer {
            user: Some("ada"),
            ports: vec![8888],
            has_jupyter: true,
            serves: true,
            ..DevContainer::default()
        };
        assert_eq!(
            it.metadata(None),
            r#"[{"containerUser":"ada","customizations":{"vscode":{"extensions":["ms-python.python","ms-toolsai.jupyter"]}},"forwardPorts":[8888],"overrideCommand":false,"remoteUser":"ada","userEnvProbe":"loginInteractiveShell"}]"#
        );
        // One that serves nothing is kept alive by the editor.
        (it.ports, it.has_jupyter, it.serves) = (vec![8000], false, false);
        it.extensions = vec!["ms-python.python".to_owned(), "charliermarsh.ruff".to_owned()];
        assert_eq!(
            it.metadata(None),
            r#"[{"containerUser":"ada","customizations":{"vscode":{"extensions":["ms-python.python","charliermarsh.ruff"]}},"forwardPorts":[8000],"overrideCommand":true,"remoteUser":"ada","userEnvProbe":"loginInteractiveShell"}]"#
        );
    }

    #[test]
    fn what_a_base_says_stays() {
        let base = r#"[{"id":"feature"}]"#.to_owned();
        let own = DevContainer { ports: vec![2222], serves: true, ..DevContainer::default() };
        let value = own.metadata(Some(&base));
        assert!(value.starts_with(r#"[{"id":"feature"},{"#) && !value.contains("User"), "{value}");
    }
}
