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
    for server in [Server::Jupyter, Server::Notebook] {
        if server == Server::Jupyter || jupyter.interface == Interface::Notebook {
            let path = prefix.join(server.file())?;
            put(contents, path.as_str(), server_settings(jupyter, server), 0o644)?;
        }
    }
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

/// A program that serves Jupyter, with settings of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    /// The Jupyter server, which all of them are since 2021.
    Jupyter,
    /// Jupyter Notebook before version 7.
    Notebook,
}

impl Server {
    /// The file of its settings.
    fn file(self) -> &'static str {
        match self {
            Self::Jupyter => "etc/jupyter/jupyter_server_config.py",
            Self::Notebook => "etc/jupyter/jupyter_notebook_config.py",
        }
    }

    /// How its settings begin: what is set, and whether the token and the password are its own or, since version 2 of the server,
    /// those of an identity provider.
    fn head(self) -> &'static str {
        match self {
            Self::Jupyter => {
                "import jupyter_server\n\n\
                 c = get_config()  # noqa: F821\n\
                 app = c.ServerApp\n\
                 served = True\n\
                 old = int(jupyter_server.__version__.split(\".\")[0]) < 2\n"
            }
            Self::Notebook => {
                "import notebook\n\
                 from traitlets.config import Config\n\n\
                 # Since version 7 it is a page of the Jupyter server, whose settings hold.\n\
                 served = old = int(notebook.__version__.split(\".\")[0]) < 7\n\
                 c = get_config() if served else Config()  # noqa: F821\n\
                 app = c.NotebookApp\n"
            }
        }
    }
}

/// Jupyter's own settings: Python, so that a person can read them.
fn server_settings(jupyter: &Jupyter, server: Server) -> String {
    // A path of an image and of a URL holds neither quotes nor backslashes in JSON that Python would read otherwise.
    let text = |text: &str| json!(text).to_string();
    let mut lines = format!(
        "# Made by imgbuild. What is in the same file below ~/.jupyter goes over it.\n\
         import os\nimport sys\n\n{}\n\
         # Its own kernels go before those of the same name that other Pythons have left in a mounted home.\n\
         given = [path for path in [os.environ.get(\"JUPYTER_PATH\")] if path]\n\
         os.environ[\"JUPYTER_PATH\"] = os.pathsep.join([*given, os.path.join(sys.prefix, \"share\", \"jupyter\")])\n\n\
         # Neither is for kernels and terminals.\n\
         token = os.environ.pop(\"JUPYTER_TOKEN\", \"\") if served else \"\"\n\
         password = os.environ.pop(\"JUPYTER_PASSWORD\", \"\") if served else \"\"\n\
         # Kubernetes sets it to something else where a service is called jupyter.\n\
         port = os.environ.get(\"JUPYTER_PORT\", \"\")\n\n\
         # All addresses, of IPv4 and IPv6.\n\
         app.ip = \"\"\n\
         app.allow_remote_access = True\n\
         app.allow_root = True\n\
         app.open_browser = False\n\
         app.port_retries = 0\n\
         app.terminado_settings = {{\"shell_command\": [\"/bin/bash\", \"-l\"]}}\n\
         # A container has no trash to look into.\n\
         c.FileContentsManager.delete_to_trash = False\n",
        server.head()
    );
    if matches!(jupyter.profile, JupyterProfile::Kubeflow | JupyterProfile::Runpod) {
        lines.push_str("# The platform shows it in pages of its own.\napp.allow_origin = \"*\"\n");
    }
    if let Some((certificate, key)) = &jupyter.certificate {
        let (certificate, key) = (text(certificate.as_str()), text(key.as_str()));
        lines.push_str(&format!("app.certfile = {certificate}\napp.keyfile = {key}\n"));
    }
    let open = match opened_by(jupyter.profile) {
        None => "False".to_owned(),
        Some(ALWAYS) => "True".to_owned(),
        Some(variable) => format!("bool(os.environ.get(\"{variable}\"))"),
    };
    lines.push_str(&format!(
        "\n# A hub says all of this itself.\n\
         if not os.environ.get(\"JUPYTERHUB_API_TOKEN\"):\n    \
         app.port = int(port) if port.isascii() and port.isdigit() and 0 < int(port) < 65536 else {}\n    \
         app.base_url = os.environ.get(\"NB_PREFIX\") or {}\n    \
         if password and old:\n        \
         app.password = password\n    \
         elif password:\n        \
         c.PasswordIdentityProvider.hashed_password = password\n    \
         # An empty token would open Jupyter to everybody, and is none.\n    \
         if token or password or {open}:\n        \
         (app if old else c.IdentityProvider).token = token\n",
        jupyter.port,
        text(jupyter.base_url.as_str()),
    ));
    lines
}
