//! The variables that an instruction sees.

use std::collections::BTreeMap;

/// Variables by name. One that is declared without a value, or whose value nobody may see, is not known.
#[derive(Debug, Clone, Default)]
pub struct Variables(BTreeMap<String, Option<String>>);

impl Variables {
    /// Sets a variable, or declares it without a value.
    pub fn set(&mut self, name: impl Into<String>, value: Option<String>) {
        self.0.insert(name.into(), value);
    }

    /// The value, where it is known.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_deref()
    }
}
