//! The SSH server of an image: its settings, and how it is started.

use imgbuild_archive::{ImagePath, PathError};
use imgbuild_layer::Content;
use imgbuild_spec::Ssh;

use crate::contents::{Contents, PROGRAMS, SETTINGS, put};

/// What the start calls it.
pub(crate) const SERVICE: &str = "ssh";

/// Adds its files.
/// `root_logs_in` is for platforms on which everybody is root.
pub(crate) fn files(ssh: &Ssh, root_logs_in: bool, contents: &mut Contents) -> Result<(), PathError> {
    put(contents, &format!("{PROGRAMS}/{SERVICE}"), include_str!("scripts/ssh"), 0o755)?;
    put(contents, &format!("{SETTINGS}/ssh"), format!("IMGBUILD_IMAGE_SSH_PORT={}\n", ssh.port), 0o644)?;
    put(contents, &format!("{SETTINGS}/sshd_config"), server_settings(ssh, root_logs_in), 0o644)?;
    // OpenSSH, as root, wants it, and a root file system may be read-only.
    contents.insert(ImagePath::new("run/sshd")?, Content::Folder);
    let keys: String = ssh.authorized_keys.iter().map(|key| format!("{}\n", key.as_str())).collect();
    put(contents, &format!("{SETTINGS}/authorized_keys"), keys, 0o644)
}

/// What of sshd_config(5) is the same at every start.
fn server_settings(ssh: &Ssh, root_logs_in: bool) -> String {
    let root = if root_logs_in { "prohibit-password" } else { "no" };
    let word = |is_on: bool| if is_on { "yes" } else { "no" };
    let sftp = if ssh.sftp { "Subsystem sftp internal-sftp\n" } else { "" };
    format!(
        "# Made by imgbuild. Keys alone log in.\n\
         AuthenticationMethods publickey\n\
         PasswordAuthentication no\n\
         KbdInteractiveAuthentication no\n\
         PermitEmptyPasswords no\n\
         PermitRootLogin {root}\n\
         UsePAM no\n\
         LoginGraceTime 30\n\
         # Tunnels to Jupyter, and editors.\n\
         AllowTcpForwarding yes\n\
         AllowAgentForwarding {}\n\
         X11Forwarding {}\n\
         ClientAliveInterval 60\n\
         AcceptEnv LANG LC_*\n\
         PrintMotd no\n\
         PidFile none\n\
         # What ssh-audit finds fault with: curves of NIST, short groups, codes over SHA-1.\n\
         KexAlgorithms -ecdh-sha2-*,diffie-hellman-group14-*\n\
         MACs -hmac-sha1*,umac-64*\n\
         {sftp}",
        word(ssh.forward_agent),
        word(ssh.forward_x11),
    )
}
