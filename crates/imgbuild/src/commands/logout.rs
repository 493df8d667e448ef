//! `imgbuild logout`.

use imgbuild_oci::RegistryHost;
use imgbuild_registry::{Credentials, KeptIn};

use super::{print, variables};
use crate::arguments::Global;
use crate::failure::Failure;

pub(crate) async fn run(host: &RegistryHost, global: &Global) -> Result<(), Failure> {
    let removed = Credentials::of_machine(&variables()?)?.remove(host).await?;
    if global.quiet {
        return Ok(());
    }
    let mut lines = Vec::new();
    for place in &removed.from {
        lines.push(match place {
            KeptIn::File(path) => {
                format!("logged out of `{host}`: `{}` holds nothing for it", path.display())
            }
            KeptIn::Helper(program) => format!("logged out of `{host}`: `{program}` keeps nothing for it"),
        });
    }
    if lines.is_empty() {
        lines.push(format!("nobody was logged in to `{host}`"));
    }
    for (key, path) in &removed.left {
        lines.push(format!("note: `{}` still holds credentials for `{key}`", path.display()));
    }
    if let Some(variable) = removed.variable {
        lines.push(format!("note: `{variable}` is set, and holds credentials for it"));
    }
    print(&(lines.join("\n") + "\n"))
}
