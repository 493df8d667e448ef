//! The SSH server of an image: its settings, and how it is started.

use imgbuild_archive::PathError;
use imgbuild_spec::Ssh;

use crate::contents::{Contents, PROGRAMS, SETTINGS, put};

/// What the start calls it.
pub(crate) const SERVICE: &str = "ssh";

/// Adds its files.
pub(crate) fn files(ssh: &Ssh, contents: &mut Contents) -> Result<(), PathError> {
    put(contents, &format!("{PROGRAMS}/{SERVICE}"), include_str!("scripts/ssh"), 0o755)?;
    put(contents, &format!("{SETTINGS}/ssh"), format!("SSH_PORT={}\n", ssh.port), 0o644)?;
    put(contents, &format!("{SETTINGS}/sshd_config"), server_settings(ssh), 0o644)?;
    let keys: String = ssh.authorized_keys.iter().map(|key| format!("{}\n", key.as_str())).collect();
    put(contents, &format!("{SETTINGS}/authorized_keys"), keys, 0o644)
}

/// What of sshd_config(5) is the same at every start.
fn server_settings(ssh: &Ssh) -> String {
    let word = |is_on: bool| if is_on { "yes" } else { "no" };
    let sftp = if ssh.sftp { "Subsystem sftp internal-sftp\n" } else { "" };
    format!(
        "# Made by imgbuild. Keys alone log in, and root does not.\n\
         AuthenticationMethods publickey\n\
         PasswordAuthentication no\n\
         KbdInteractiveAuthentication no\n\
         PermitEmptyPasswords no\n\
         PermitRootLogin no\n\
         UsePAM no\n\
         # Who starts it owns the file of keys, which is in /tmp.\n\
         StrictModes no\n\
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
