//! `imgbuild registry`.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use imgbuild_distribution::DistributionError;
use imgbuild_fetch::Silent;
use imgbuild_registry::Probed;
use serde_json::json;

use super::{context, print, print_json};
use crate::failure::Failure;
use crate::registry_arguments::RegistryCommand;
use crate::words::table;

pub(crate) async fn run(command: &RegistryCommand) -> Result<(), Failure> {
    let RegistryCommand::Probe { repository, json } = command;
    let context = context(Path::new(""), false, Arc::new(Silent))?;
    let registries = context.registries().map_err(DistributionError::from)?;
    let remote = registries.open(repository).await.map_err(DistributionError::from)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis());
    let unique = u64::try_from(now).unwrap_or(u64::MAX);
    let probed = remote.probe(unique).await.map_err(DistributionError::from)?;
    if *json {
        let row = |it: &Probed| json!({ "what": it.what, "works": it.works, "said": it.said });
        return print_json(&json!({
            "repository": remote.repository().to_string(),
            "probed": probed.iter().map(row).collect::<Vec<_>>(),
        }));
    }
    let row = |it: &Probed| vec![it.what.to_owned(), shown(it.works).to_owned()];
    let said = probed.iter().filter(|it| !it.said.is_empty());
    let said: String = said.map(|it| format!("{}: {}\n", it.what, it.said)).collect();
    print(&format!("{}\n{}{said}", remote.repository(), table(&probed.iter().map(row).collect::<Vec<_>>())))
}

fn shown(works: Option<bool>) -> &'static str {
    match works {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not measured",
    }
}
