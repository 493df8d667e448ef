//! conda's own settings, `.condarc`, as far as they say where channels are and how they are reached.
//!
//! Only the text is read here. Where the files are, and which one counts, is conda's business.

mod reader;

use std::collections::BTreeMap;

use imgbuild_document::{
    DocumentError, Entry, Mistake, Node, Origin, Problem, Value, source, type_of, yaml_tree,
};
use reader::Reader;

use crate::channel_priority::ChannelPriority;

/// One file of settings, or one variable.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Condarc {
    /// What stands before the names of channels.
    pub channel_alias: Option<Setting<String>>,
    /// How certificates are checked.
    pub ssl_verify: Option<Setting<SslVerify>>,
    /// The file of the certificate that this machine shows, with its key where that has no file of its own.
    pub client_ssl_cert: Option<Setting<String>>,
    /// The file of its key.
    pub client_ssl_cert_key: Option<Setting<String>>,
    /// Where conda looks beside the channels that somebody names.
    pub channels: Option<Setting<Vec<Setting<String>>>>,
    /// How the channels' order counts.
    pub channel_priority: Option<Setting<ChannelPriority>>,
    /// What `defaults` stands for.
    pub default_channels: Option<Setting<Vec<Setting<String>>>>,
    /// What stands before the names of some channels.
    pub custom_channels: Option<Setting<SettingTable<String>>>,
    /// Names that stand for several channels.
    pub custom_multichannels: Option<Setting<SettingTable<Vec<Setting<String>>>>>,
    /// Who serves a channel.
    pub mirrored_channels: Option<Setting<SettingTable<Vec<Setting<String>>>>>,
    /// Proxies, by scheme or by scheme and host.
    pub proxy_servers: Option<Setting<SettingTable<Option<String>>>>,
}

/// Settings by key.
pub type SettingTable<T> = BTreeMap<String, Setting<T>>;

/// A value, and what its file says of it against other files.
#[derive(Debug, Clone)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// What its comment says.
    pub mark: Option<SettingMark>,
    /// Where it stands.
    pub origin: Origin,
}

/// What a comment says of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingMark {
    /// `#!final`: no later file counts.
    Final,
    /// `#!top`: before all other items.
    Top,
    /// `#!bottom`: after all other items.
    Bottom,
}

/// How certificates are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SslVerify {
    /// By those that are known, or, where it is false, not at all.
    Known(bool),
    /// By those of a file or folder.
    File(String),
}

impl<T> Setting<T> {
    /// An error that points at the setting.
    pub fn wrong(&self, message: impl Into<String>) -> DocumentError {
        let problem = Problem::new(Mistake::Value { message: message.into() });
        let problem = problem.at(self.origin.source(), self.origin.span(), "here");
        DocumentError::new(self.origin.file(), vec![problem])
    }
}

/// The variables that say what a file can say, with the key.
const VARIABLES: [(&str, &str); 10] = [
    ("CONDA_CHANNELS", "channels"),
    ("CONDA_CHANNEL_ALIAS", "channel_alias"),
    ("CONDA_CLIENT_CERT", "client_ssl_cert"),
    ("CONDA_CLIENT_CERT_KEY", "client_ssl_cert_key"),
    ("CONDA_CLIENT_SSL_CERT", "client_ssl_cert"),
    ("CONDA_CLIENT_SSL_CERT_KEY", "client_ssl_cert_key"),
    ("CONDA_SSL_VERIFY", "ssl_verify"),
    ("CONDA_VERIFY_SSL", "ssl_verify"),
    ("CONDA_CHANNEL_PRIORITY", "channel_priority"),
    ("CONDA_DEFAULT_CHANNELS", "default_channels"),
];

impl Condarc {
    /// Reads the text of a file. Keys that say nothing of channels are passed over, as are those that conda does not have.
    ///
    /// # Errors
    ///
    /// When it is no YAML, or a value is none that its key can have.
    pub fn read(name: &str, text: String) -> Result<Self, DocumentError> {
        let source = source(name, text);
        let failed = |problems| DocumentError::new(name, problems);
        // A byte order mark is what some editors write, and conda passes over.
        let root = yaml_tree::read(&source).map_err(|problem| failed(vec![problem]))?;
        let entries = match root.value {
            Value::Null => return Ok(Self::default()),
            Value::Table(entries) => entries,
            value => {
                let found = type_of(&value);
                let message = format!("the file must hold a table, but holds {found}");
                let problem = Problem::new(Mistake::Value { message });
                return Err(failed(vec![problem.at(&source, root.span, "here")]));
            }
        };
        let mut reader = Reader { source: &source, problems: Vec::new() };
        let mut condarc = Self::default();
        for entry in &entries {
            reader.entry(entry, &mut condarc);
        }
        if reader.problems.is_empty() { Ok(condarc) } else { Err(failed(reader.problems)) }
    }

    /// Reads the variables of a process.
    ///
    /// # Errors
    ///
    /// When one has a value that its setting cannot have.
    pub fn of_variables(variables: &BTreeMap<String, String>) -> Result<Self, DocumentError> {
        let mut condarc = Self::default();
        for (name, key) in VARIABLES {
            let Some(text) = variables.get(name).filter(|text| !text.is_empty()) else { continue };
            let source = source(name, text.clone());
            let whole = 0..text.len();
            let item = |text: &str| {
                let start = text.as_ptr() as usize - source.inner().as_ptr() as usize;
                Node { span: start..start + text.len(), value: Value::Text(text.to_owned()) }
            };
            let value = match key {
                "channels" | "default_channels" => {
                    let items = source.inner().split(',').map(str::trim).filter(|it| !it.is_empty());
                    Value::List(items.map(item).collect())
                }
                _ => Value::Text(text.clone()),
            };
            let key = Node { span: 0..0, value: Value::Text(key.to_owned()) };
            let entry = Entry { key, value: Node { span: whole, value } };
            let mut reader = Reader { source: &source, problems: Vec::new() };
            reader.entry(&entry, &mut condarc);
            if !reader.problems.is_empty() {
                return Err(DocumentError::new(name, reader.problems));
            }
        }
        Ok(condarc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        let error = Condarc::read("home/.condarc", text.to_owned()).unwrap_err();
        let mut shown = String::new();
        let handler = miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor());
        handler.with_width(100).render_report(&mut shown, &error).unwrap();
        shown
    }

    #[test]
    fn what_a_file_says_of_channels() {
        let text = "\
channels: [conda-forge]
channel_alias: \"https://mirror.example/conda\"  #!final
ssl_verify: /etc/ssl/corp.pem
channel_priority: disabled
default_channels: #!final
  - https://mirror.example/pkgs/main   #!top
  - https://mirror.example/pkgs/r # a remark
custom_channels:
  conda-forge: https://mirror.example/cloud #!final
custom_multichannels:
  ours: [internal, conda-forge]
mirrored_channels: {bioconda: [\"https://one.example/bioconda\"]}
proxy_servers:
  http: http://user:pass@proxy.example:8080
  https:
auto_activate_base: false
";
        let read = Condarc::read("condarc", text.to_owned()).unwrap();
        let alias = read.channel_alias.unwrap();
        assert_eq!(
            (alias.value.as_str(), alias.mark),
            ("https://mirror.example/conda", Some(SettingMark::Final))
        );
        assert_eq!(read.ssl_verify.unwrap().value, SslVerify::File("/etc/ssl/corp.pem".to_owned()));
        assert_eq!(read.channel_priority.unwrap().value, ChannelPriority::Disabled);
        let defaults = read.default_channels.unwrap();
        assert_eq!(defaults.mark, Some(SettingMark::Final));
        let marks: Vec<_> = defaults.value.iter().map(|it| (it.value.as_str(), it.mark)).collect();
        assert_eq!(
            marks,
            [
                ("https://mirror.example/pkgs/main", Some(SettingMark::Top)),
                ("https://mirror.example/pkgs/r", None)
            ]
        );
        assert_eq!(read.custom_channels.unwrap().value["conda-forge"].mark, Some(SettingMark::Final));
        assert_eq!(read.custom_multichannels.unwrap().value["ours"].value.len(), 2);
        assert_eq!(
            read.mirrored_channels.unwrap().value["bioconda"].value[0].value,
            "https://one.example/bioconda"
        );
        let proxies = read.proxy_servers.unwrap().value;
        assert_eq!(proxies["https"].value, None);
        assert_eq!(proxies["http"].value.as_deref(), Some("http://user:pass@proxy.example:8080"));
        for empty in ["", "# nothing\n", "channel_alias:\n", "unknown: {a: [1]}\n"] {
            assert!(Condarc::read("condarc", empty.to_owned()).unwrap().channel_alias.is_none(), "{empty:?}");
        }
    }

    #[test]
    fn what_variables_say() {
        let of = |name: &str, value: &str| {
            Condarc::of_variables(&BTreeMap::from([(name.to_owned(), value.to_owned())]))
        };
        assert_eq!(of("CONDA_SSL_VERIFY", "no").unwrap().ssl_verify.unwrap().value, SslVerify::Known(false));
        let channels =
            of("CONDA_DEFAULT_CHANNELS", "https://a.example/main, b").unwrap().default_channels.unwrap();
        let shown: Vec<_> = channels.value.iter().map(|it| (it.value.as_str(), it.origin.column())).collect();
        assert_eq!(shown, [("https://a.example/main", 1), ("b", 25)]);
        let error = of("CONDA_CHANNEL_PRIORITY", "loose").unwrap_err();
        assert_eq!(error.to_string(), "`channel_priority` cannot be `loose`");
        assert!(of("CONDA_SSL_VERIFY", "").unwrap().ssl_verify.is_none());
    }

    #[test]
    fn a_broken_file() {
        let told = |text: &str| {
            let error = Condarc::read("home/.condarc", text.to_owned()).unwrap_err();
            error.problems().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(told("channel_alias: [a\nssl_verify: true\n")[0].starts_with("this is not valid YAML: "));
        assert_eq!(told("- a\n"), ["the file must hold a table, but holds a list"]);
        let text = "channel_alias: 3\ndefault_channels: main\ncustom_channels: [a]\nssl_verify: {}\n\
                    channel_priority: loose\nproxy_servers:\n  http: [a]\nmirrored_channels:\n  a: [{}]\n";
        assert_eq!(
            told(text),
            [
                "`channel_alias` must be a string, but is an integer",
                "`default_channels` must be a list, but is a string",
                "`custom_channels` must be a table, but is a list",
                "`ssl_verify` must be a boolean or a path, but is a table",
                "`channel_priority` cannot be `loose`",
                "`http` must be a string, but is a list",
                "`a` must be a list of strings, but is a table",
            ]
        );
        // What it holds of secrets is not shown, and the place is.
        let shown = wrong("proxy_servers:\n  http: {a: \"http://user:s3cret@proxy.example\"}\n");
        assert!(shown.contains("home/.condarc:2:9") && !shown.contains("s3cret"), "{shown}");
    }
}
