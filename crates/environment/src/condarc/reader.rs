//! The keys that count, each with the form that conda takes.

use std::collections::BTreeMap;

use imgbuild_document::{Entry, Mistake, Node, Origin, Problem, Source, Value, type_of};

use crate::channel_priority::ChannelPriority;
use crate::condarc::{Condarc, Setting, SettingMark, SettingTable, SslVerify};

/// Reads a file, and keeps what is wrong with it.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source,
    pub(super) problems: Vec<Problem>,
}

impl Reader<'_> {
    pub(super) fn entry(&mut self, entry: &Entry, condarc: &mut Condarc) {
        if matches!(entry.value.value, Value::Null) {
            // A key without a value is none.
            return;
        }
        match entry.name() {
            "channels" | "channel" => condarc.channels = self.one_or_list(entry),
            "channel_alias" => condarc.channel_alias = self.text(entry),
            "client_ssl_cert" | "client_cert" => condarc.client_ssl_cert = self.text(entry),
            "client_ssl_cert_key" | "client_cert_key" => condarc.client_ssl_cert_key = self.text(entry),
            "ssl_verify" | "verify_ssl" => condarc.ssl_verify = self.ssl_verify(entry),
            "channel_priority" => condarc.channel_priority = self.channel_priority(entry),
            "default_channels" => condarc.default_channels = self.list(entry),
            "custom_channels" => condarc.custom_channels = self.table(entry, Self::text),
            "custom_multichannels" => condarc.custom_multichannels = self.table(entry, Self::list),
            "mirrored_channels" => condarc.mirrored_channels = self.table(entry, Self::list),
            "proxy_servers" => condarc.proxy_servers = self.table(entry, Self::text_or_none),
            _ => {}
        }
    }

    fn setting<T>(&self, entry: &Entry, value: T) -> Setting<T> {
        // The comment of a list or a table stands behind its key.
        let end = match &entry.value.value {
            Value::List(_) | Value::Table(_) => entry.key.span.end,
            _ => entry.value.span.end,
        };
        let origin = Origin::new(self.source, entry.value.span.clone(), entry.name());
        Setting { value, mark: self.mark(end), origin }
    }

    /// What the comment says that ends a line.
    fn mark(&self, after: usize) -> Option<SettingMark> {
        let line = self.source.inner().get(after..)?.lines().next()?;
        let (_, comment) = line.split_once('#')?;
        match comment.split_whitespace().next()? {
            "!final" => Some(SettingMark::Final),
            "!top" => Some(SettingMark::Top),
            "!bottom" => Some(SettingMark::Bottom),
            _ => None,
        }
    }

    fn wrong(&mut self, node: &Node, key: &str, expected: &str) {
        let found = type_of(&node.value).to_owned();
        let mistake = Mistake::WrongType { key: key.to_owned(), expected: expected.to_owned(), found };
        self.problems.push(Problem::new(mistake).at(self.source, node.span.clone(), "here"));
    }

    fn text(&mut self, entry: &Entry) -> Option<Setting<String>> {
        match &entry.value.value {
            Value::Text(text) => Some(self.setting(entry, text.trim().to_owned())),
            _ => {
                self.wrong(&entry.value, entry.name(), "a string");
                None
            }
        }
    }

    fn text_or_none(&mut self, entry: &Entry) -> Option<Setting<Option<String>>> {
        match &entry.value.value {
            Value::Null => Some(self.setting(entry, None)),
            _ => {
                self.text(entry).map(|it| Setting { value: Some(it.value), mark: it.mark, origin: it.origin })
            }
        }
    }

    /// A list, of which a single text is the only item.
    fn one_or_list(&mut self, entry: &Entry) -> Option<Setting<Vec<Setting<String>>>> {
        match &entry.value.value {
            Value::Text(_) => self.text(entry).map(|only| {
                let (mark, origin) = (only.mark, only.origin.clone());
                Setting { value: vec![only], mark, origin }
            }),
            _ => self.list(entry),
        }
    }

    fn list(&mut self, entry: &Entry) -> Option<Setting<Vec<Setting<String>>>> {
        let Value::List(items) = &entry.value.value else {
            self.wrong(&entry.value, entry.name(), "a list");
            return None;
        };
        let mut list = Vec::new();
        for item in items {
            let Value::Text(text) = &item.value else {
                self.wrong(item, entry.name(), "a list of strings");
                continue;
            };
            let origin = Origin::new(self.source, item.span.clone(), entry.name());
            list.push(Setting { value: text.trim().to_owned(), mark: self.mark(item.span.end), origin });
        }
        Some(self.setting(entry, list))
    }

    fn table<T>(
        &mut self,
        entry: &Entry,
        read: fn(&mut Self, &Entry) -> Option<Setting<T>>,
    ) -> Option<Setting<SettingTable<T>>> {
        let Value::Table(entries) = &entry.value.value else {
            self.wrong(&entry.value, entry.name(), "a table");
            return None;
        };
        let mut table = BTreeMap::new();
        for entry in entries {
            if let Some(setting) = read(self, entry) {
                table.insert(entry.name().to_owned(), setting);
            }
        }
        Some(self.setting(entry, table))
    }

    fn ssl_verify(&mut self, entry: &Entry) -> Option<Setting<SslVerify>> {
        let value = match &entry.value.value {
            Value::Boolean(known) => SslVerify::Known(*known),
            Value::Text(text) => match boolean(text) {
                Some(known) => SslVerify::Known(known),
                // The system's certificates are the ones that are taken anyway.
                None if text.trim() == "truststore" => SslVerify::Known(true),
                None => SslVerify::File(text.trim().to_owned()),
            },
            _ => {
                self.wrong(&entry.value, entry.name(), "a boolean or a path");
                return None;
            }
        };
        Some(self.setting(entry, value))
    }

    fn channel_priority(&mut self, entry: &Entry) -> Option<Setting<ChannelPriority>> {
        let word = match &entry.value.value {
            Value::Boolean(known) => Ok(*known),
            Value::Text(text) => boolean(text).ok_or_else(|| text.trim().to_lowercase()),
            _ => {
                self.wrong(&entry.value, entry.name(), "`strict`, `flexible` or `disabled`");
                return None;
            }
        };
        let priority = match word.as_ref().map_err(String::as_str) {
            Err("strict") => ChannelPriority::Strict,
            Ok(true) | Err("flexible") => ChannelPriority::Flexible,
            Ok(false) | Err("disabled") => ChannelPriority::Disabled,
            Err(other) => {
                let mistake = Mistake::UnknownValue { key: entry.name().to_owned(), value: other.to_owned() };
                let problem = Problem::new(mistake).at(self.source, entry.value.span.clone(), "here");
                self.problems.push(problem.hint("it can be `strict`, `flexible`, `disabled`"));
                return None;
            }
        };
        Some(self.setting(entry, priority))
    }
}

/// The words that conda takes for booleans.
fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" | "non" | "none" => Some(false),
        _ => None,
    }
}
