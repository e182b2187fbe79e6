//! 64-bit numbers as proto3 JSON has them: numbers, or decimal strings.

use serde::{Deserialize, Deserializer, de};

#[derive(Deserialize)]
#[serde(untagged)]
enum Either<'a> {
    Number(u64),
    Text(#[serde(borrow)] std::borrow::Cow<'a, str>),
}

impl Either<'_> {
    fn read<E: de::Error>(self) -> Result<u64, E> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Text(text) => {
                text.parse().map_err(|_| E::custom(format_args!("`{text}` is not a number")))
            }
        }
    }
}

pub(super) fn plain<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Either::deserialize(deserializer)?.read()
}

pub(super) fn option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Option::<Either<'_>>::deserialize(deserializer)?.map(Either::read).transpose()
}
