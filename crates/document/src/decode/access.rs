//! Lists, tables, words and places as serde asks for them.

use serde::de::value::{StrDeserializer, StringDeserializer, U64Deserializer};
use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use crate::decode::Decoder;
use crate::decode::error::{DecodeError, Fault};
use crate::suggest;
use crate::tree::{Entry, Node, Value};

/// The items of a list.
pub(super) struct List<'a, 'd> {
    parent: &'d Decoder<'a>,
    items: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
}

impl<'a, 'd> List<'a, 'd> {
    pub(super) fn new(parent: &'d Decoder<'a>, items: &'a [Node]) -> Self {
        Self { parent, items: items.iter().enumerate() }
    }
}

impl<'de> SeqAccess<'de> for List<'_, '_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let readable = |(_, item): &(usize, &Node)| item.value != Value::Unreadable;
        let Some((index, item)) = self.items.by_ref().find(readable) else { return Ok(None) };
        self.parent.element(index, item).read(seed).map(Some)
    }
}

/// The entries of a table; of those that are in `known`, where that is given.
pub(super) struct Table<'a, 'd> {
    parent: &'d Decoder<'a>,
    entries: std::slice::Iter<'a, Entry>,
    known: Option<&'static [&'static str]>,
    value: Option<&'a Entry>,
}

impl<'a, 'd> Table<'a, 'd> {
    pub(super) fn new(
        parent: &'d Decoder<'a>,
        entries: &'a [Entry],
        known: Option<&'static [&'static str]>,
    ) -> Self {
        Self { parent, entries: entries.iter(), known, value: None }
    }

    fn next_known(&mut self) -> Option<&'a Entry> {
        loop {
            let entry = self.entries.next()?;
            let Some(known) = self.known.filter(|known| !known.contains(&entry.name())) else {
                match entry.value.value {
                    Value::Unreadable => continue,
                    _ => return Some(entry),
                }
            };
            let path = self.parent.member(entry.name(), &entry.value).path;
            let known: Vec<String> = known.iter().map(|&word| word.to_owned()).collect();
            let hint = suggest::for_key(entry.name(), &known);
            let error = DecodeError::new(Fault::UnknownKey).hint(hint).at(entry.key.span.clone(), &path);
            self.parent.found.borrow_mut().push(error);
        }
    }
}

impl<'de> MapAccess<'de> for Table<'_, '_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        self.value = self.next_known();
        let Some(entry) = self.value else { return Ok(None) };
        self.parent
            .child(&entry.key, self.parent.member(entry.name(), &entry.value).path)
            .read(seed)
            .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        let Some(entry) = self.value.take() else {
            return Err(serde::de::Error::custom("a value was asked for before its key"));
        };
        self.parent.member(entry.name(), &entry.value).read(seed)
    }
}

/// The variant `table` for a table, else the variant `short`.
pub(super) struct ShortOrTable<'a>(pub(super) Decoder<'a>);

impl<'de, 'a> EnumAccess<'de> for ShortOrTable<'a> {
    type Error = DecodeError;
    type Variant = Decoder<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Decoder<'a>), DecodeError> {
        let variant = if matches!(self.0.node.value, Value::Table(_)) { "table" } else { "short" };
        let name: StrDeserializer<'static, DecodeError> = variant.into_deserializer();
        Ok((seed.deserialize(name)?, self.0))
    }
}

impl<'de> VariantAccess<'de> for Decoder<'_> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, DecodeError> {
        let short = !matches!(self.node.value, Value::Table(_));
        let result = seed.deserialize(self);
        if short { result.map_err(DecodeError::or_a_table) } else { result }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, DecodeError> {
        serde::Deserializer::deserialize_any(self, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        serde::Deserializer::deserialize_struct(self, "", fields, visitor)
    }
}

/// The four parts of a located value: start, end, key, and the value itself.
pub(super) struct Place<'a> {
    decoder: Decoder<'a>,
    step: u8,
}

impl<'a> Place<'a> {
    pub(super) fn new(decoder: Decoder<'a>) -> Self {
        Self { decoder, step: 0 }
    }
}

impl<'de> SeqAccess<'de> for Place<'_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        self.step += 1;
        let number = |at: usize| U64Deserializer::<DecodeError>::new(at as u64);
        let span = &self.decoder.node.span;
        match self.step {
            1 => seed.deserialize(number(span.start)).map(Some),
            2 => seed.deserialize(number(span.end)).map(Some),
            3 => {
                let path: StringDeserializer<DecodeError> = self.decoder.path.clone().into_deserializer();
                seed.deserialize(path).map(Some)
            }
            4 => self.decoder.clone().read(seed).map(Some),
            _ => Ok(None),
        }
    }
}
