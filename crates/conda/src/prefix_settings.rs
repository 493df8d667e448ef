//! `.condarc` of an environment: what conda, mamba and micromamba read inside the image.

use imgbuild_environment::{ChannelName, yaml_text};
use imgbuild_lock::CondaSet;
use imgbuild_spec::{ChannelMirror, Conda};

/// The settings of an environment, as YAML: where its packages come from and how they are chosen, as when the image was made.
/// Nothing secret is in it.
pub(crate) fn condarc(conda: &Conda, set: &CondaSet) -> String {
    let mut text = "# Made by imgbuild, of the image's spec.\n".to_owned();
    let served: Vec<Served> = conda.channels.iter().map(|it| Served::new(&it.name, conda)).collect();
    list(&mut text, "channels", served.iter().map(|it| it.channel.as_str()));
    let custom: Vec<(&str, &str)> =
        served.iter().filter_map(|it| Some((it.channel.as_str(), it.beneath.as_deref()?))).collect();
    table(&mut text, "custom_channels", &custom);
    let priority = conda.channel_priority.unwrap_or_default();
    text.push_str(&format!("channel_priority: {}\n", priority.as_str()));
    // The home is for users who cannot write to the environment; a volume keeps it.
    for (key, folder) in [("pkgs_dirs", "pkgs"), ("envs_dirs", "envs")] {
        let folders = [format!("/{}/{folder}", set.prefix.as_str()), format!("~/.conda/{folder}")];
        list(&mut text, key, folders.iter().map(String::as_str));
    }
    // Where there is no driver, such as while an image is built on this one, it would take builds for the processor alone.
    if let Some(version) = set.virtual_packages.get("__cuda") {
        table(&mut text, "override_virtual_packages", &[("cuda", version.as_str())]);
    }
    text
}

/// A channel as an image asks it.
struct Served {
    /// What it is called, or the URL of its mirror.
    channel: String,
    /// What conda is to put before that name.
    beneath: Option<String>,
}

impl Served {
    fn new(name: &ChannelName, conda: &Conda) -> Self {
        let channel = name.secret().public();
        let mirror = conda.mirrors.get(name).into_iter().flatten().find(|mirror| is_reachable(mirror));
        let Some(mirror) = mirror else { return Self { channel, beneath: None } };
        let mirror = mirror.secret().public().trim_end_matches('/').to_owned();
        match mirror.strip_suffix(&format!("/{channel}")) {
            Some(beneath) => Self { beneath: Some(beneath.to_owned()), channel },
            None => Self { channel: mirror, beneath: None },
        }
    }
}

/// Whether a container reaches a mirror: what is on the machine that builds is not there.
fn is_reachable(mirror: &ChannelMirror) -> bool {
    let text = mirror.secret().public();
    let rest = text.split_once("://").filter(|(scheme, _)| *scheme != "file").map(|(_, rest)| rest);
    rest.is_some_and(|rest| !["localhost", "127.", "[::1]"].iter().any(|own| rest.starts_with(own)))
}

fn list<'a>(text: &mut String, key: &str, items: impl Iterator<Item = &'a str>) {
    text.push_str(&format!("{key}:\n"));
    items.for_each(|item| text.push_str(&format!("  - {}\n", yaml_text(item))));
}

fn table(text: &mut String, key: &str, rows: &[(&str, &str)]) {
    if !rows.is_empty() {
        text.push_str(&format!("{key}:\n"));
        rows.iter().for_each(|(name, value)| {
            text.push_str(&format!("  {}: {}\n", yaml_text(name), yaml_text(value)))
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use imgbuild_archive::ImagePath;
    use imgbuild_oci::Platform;
    use imgbuild_spec::Spec;

    use super::*;

    /// What is written for a spec's `[conda]`.
    fn written(table: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spec.toml");
        std::fs::write(&path, format!("name = \"a\"\npython = \"3.11\"\n[conda]\n{table}")).unwrap();
        let (_, variants) = Spec::load_variants(&path, Platform::LinuxAmd64).unwrap();
        let set = CondaSet {
            prefix: ImagePath::new("opt/conda").unwrap(),
            root_prefix: None,
            name: "base".to_owned(),
            alias: None,
            channels: Vec::new(),
            requested: Vec::new(),
            virtual_packages: BTreeMap::from([("__glibc".to_owned(), "2.36".to_owned())]),
            packages: Vec::new(),
            excluded: Vec::new(),
            post_link: Vec::new(),
            accept_damaged: Vec::new(),
            compilers: Vec::new(),
            variables: BTreeMap::new(),
        };
        condarc(variants[0].conda.as_ref().unwrap(), &set)
    }

    #[test]
    fn channels_are_asked_where_a_container_reaches_them() {
        let table = r#"
channels = ["conda-forge", "bioconda", "nvidia", "https://me:s3cret@conda.example/t/tk-1/team"]
channel-priority = "flexible"

[conda.mirrors]
conda-forge = ["http://127.0.0.1:8080/conda-forge", "https://me:s3cret@mirror.example/conda-forge/"]
bioconda    = ["https://mirror.example/other-name"]
nvidia      = ["file:///srv/nvidia"]
"#;
        insta::assert_snapshot!(written(table), @r#"
        # Made by imgbuild, of the image's spec.
        channels:
          - conda-forge
          - https://mirror.example/other-name
          - nvidia
          - https://conda.example/team
        custom_channels:
          conda-forge: https://mirror.example
        channel_priority: flexible
        pkgs_dirs:
          - /opt/conda/pkgs
          - "~/.conda/pkgs"
        envs_dirs:
          - /opt/conda/envs
          - "~/.conda/envs"
        "#);
    }
}
