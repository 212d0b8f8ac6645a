//! Reads an object of which one member is for somebody else.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, StringDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};

/// Reads an object: the member of this name, if it is there, apart, and all others as `T`.
///
/// What `#[serde(flatten)]` is for, but it does not go with `deny_unknown_fields`, and loses the
/// place of an error.
///
/// # Errors
/// If the member is no `M`, or the rest no `T`.
pub(crate) fn split<'de, D: Deserializer<'de>, M: Deserialize<'de>, T: Deserialize<'de>>(
    deserializer: D,
    name: &'static str,
) -> Result<(Option<M>, T), D::Error> {
    deserializer.deserialize_map(Split { name, types: PhantomData })
}

struct Split<M, T> {
    name: &'static str,
    types: PhantomData<(M, T)>,
}

impl<'de, M: Deserialize<'de>, T: Deserialize<'de>> Visitor<'de> for Split<M, T> {
    type Value = (Option<M>, T);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        let mut apart = None;
        let rest = T::deserialize(MapAccessDeserializer::new(Others {
            members,
            name: self.name,
            apart: &mut apart,
        }))?;
        Ok((apart, rest))
    }
}

/// An object's members but for one, which is put apart when it comes by.
struct Others<'a, A, M> {
    members: A,
    name: &'static str,
    apart: &'a mut Option<M>,
}

impl<'de, A: MapAccess<'de>, M: Deserialize<'de>> MapAccess<'de> for Others<'_, A, M> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(name) = self.members.next_key::<String>()? {
            if name != self.name {
                return seed.deserialize(StringDeserializer::new(name)).map(Some);
            }
            *self.apart = Some(self.members.next_value()?);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.members.next_value_seed(seed)
    }
}
