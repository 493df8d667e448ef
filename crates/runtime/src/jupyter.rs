//! Jupyter in an image: its settings, how it is started, and what platforms call that.

use imgbuild_archive::{ImagePath, PathError};
use imgbuild_spec::{Interface, Jupyter, JupyterProfile};
use serde_json::json;

use crate::contents::{Contents, PROGRAMS, SETTINGS, put};
use crate::start::RUNPOD_START;

/// What the start calls it.
pub(crate) const SERVICE: &str = "jupyter";

/// Starts what a hub spawns, by the name that docker-stacks, Binder and Open Data Hub give it.
const SINGLE_USER: &str = "#!/bin/sh
# Made by imgbuild: what hubs start.
exec imgbuild-start jupyterhub-singleuser \"$@\"
";

/// Starts everything, by the name that `RunPod` gives it, with its hooks before and behind.
const RUNPOD: &str = "#!/bin/sh
# Made by imgbuild: what RunPod starts.
if [ -f /pre_start.sh ]; then
    bash /pre_start.sh || exit
fi
if [ -f /post_start.sh ]; then
    (bash /post_start.sh &)
fi
exec imgbuild-start imgbuild-services
";

/// Adds its files to an image whose environment with Jupyter is at `prefix`.
pub(crate) fn files(jupyter: &Jupyter, prefix: &ImagePath, contents: &mut Contents) -> Result<(), PathError> {
    let settings = prefix.join("etc/jupyter/jupyter_server_config.py")?;
    put(contents, settings.as_str(), server_settings(jupyter), 0o644)?;
    put(contents, &format!("{SETTINGS}/jupyter.json"), start_settings(jupyter), 0o644)?;
    let program = include_str!("scripts/jupyter");
    put(contents, &format!("{PROGRAMS}/{SERVICE}"), format!("#!{prefix}/bin/python -I\n{program}"), 0o755)?;
    match jupyter.profile {
        JupyterProfile::Hub | JupyterProfile::Openshift => {
            put(contents, "usr/local/bin/start-singleuser.sh", SINGLE_USER, 0o755)
        }
        JupyterProfile::Runpod => put(contents, RUNPOD_START, RUNPOD, 0o755),
        JupyterProfile::Plain | JupyterProfile::Kubeflow | JupyterProfile::Sagemaker => Ok(()),
    }
}

/// When who stands before Jupyter authenticates, so that it has no token unless one is given: where a platform sets a variable, or
/// always. Nothing where nobody does.
pub fn opened_by(profile: JupyterProfile) -> Option<&'static str> {
    match profile {
        JupyterProfile::Kubeflow => Some("NB_PREFIX"),
        JupyterProfile::Sagemaker => Some(ALWAYS),
        JupyterProfile::Plain | JupyterProfile::Hub | JupyterProfile::Openshift | JupyterProfile::Runpod => {
            None
        }
    }
}

/// No variable tells that the platform is there.
const ALWAYS: &str = "always";

/// What the program that starts it reads.
fn start_settings(jupyter: &Jupyter) -> String {
    let (interface, path) = match jupyter.interface {
        Interface::Lab => ("lab", "lab"),
        Interface::Notebook => ("notebook", "tree"),
        Interface::Server => ("server", ""),
    };
    let settings = json!({
        "base-url": jupyter.base_url.as_str(),
        "interface": interface,
        "open": opened_by(jupyter.profile).unwrap_or_default(),
        "path": path,
        "plain-password": jupyter.profile == JupyterProfile::Runpod,
        "port": jupyter.port.get(),
        "scheme": if jupyter.certificate.is_some() { "https" } else { "http" },
    });
    format!("{settings:#}\n")
}

/// Jupyter's own settings: Python, so that a person can read them.
fn server_settings(jupyter: &Jupyter) -> String {
    // A path of an image and of a URL holds neither quotes nor backslashes in JSON that Python would read otherwise.
    let text = |text: &str| json!(text).to_string();
    let mut lines = String::from(
        "# Made by imgbuild. What is in ~/.jupyter/jupyter_server_config.py goes over it.\n\
         import os\n\n\
         # Neither is for kernels and terminals.\n\
         token = os.environ.pop(\"JUPYTER_TOKEN\", \"\")\n\
         password = os.environ.pop(\"JUPYTER_PASSWORD\", \"\")\n\
         # Kubernetes sets it to something else where a service is called jupyter.\n\
         port = os.environ.get(\"JUPYTER_PORT\", \"\")\n\n\
         c = get_config()  # noqa: F821\n\n\
         # All addresses, of IPv4 and IPv6.\n\
         c.ServerApp.ip = \"\"\n\
         c.ServerApp.allow_remote_access = True\n\
         c.ServerApp.allow_root = True\n\
         c.ServerApp.open_browser = False\n\
         c.ServerApp.port_retries = 0\n\
         c.ServerApp.terminado_settings = {\"shell_command\": [\"/bin/bash\", \"-l\"]}\n\
         # A container has no trash to look into.\n\
         c.FileContentsManager.delete_to_trash = False\n",
    );
    if matches!(jupyter.profile, JupyterProfile::Kubeflow | JupyterProfile::Runpod) {
        lines.push_str("# The platform shows it in pages of its own.\nc.ServerApp.allow_origin = \"*\"\n");
    }
    if let Some((certificate, key)) = &jupyter.certificate {
        lines.push_str(&format!(
            "c.ServerApp.certfile = {}\nc.ServerApp.keyfile = {}\n",
            text(certificate.as_str()),
            text(key.as_str())
        ));
    }
    let open = match opened_by(jupyter.profile) {
        None => "False".to_owned(),
        Some(ALWAYS) => "True".to_owned(),
        Some(variable) => format!("bool(os.environ.get(\"{variable}\"))"),
    };
    lines.push_str(&format!(
        "\n# A hub says all of this itself.\n\
         if not os.environ.get(\"JUPYTERHUB_API_TOKEN\"):\n    \
         c.ServerApp.port = int(port) if port.isascii() and port.isdigit() and 0 < int(port) < 65536 else {}\n    \
         c.ServerApp.base_url = os.environ.get(\"NB_PREFIX\") or {}\n    \
         if password:\n        \
         c.PasswordIdentityProvider.hashed_password = password\n    \
         # An empty token would open Jupyter to everybody, and is none.\n    \
         if token or password or {open}:\n        \
         c.IdentityProvider.token = token\n",
        jupyter.port,
        text(jupyter.base_url.as_str()),
    ));
    lines
}
