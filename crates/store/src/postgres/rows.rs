//! Values as columns hold them, and rows as the port knows them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sqlx::postgres::{PgRow, Postgres};
use sqlx::{Row, TypeInfo, ValueRef};
use uuid::Uuid;

use super::error::Failure;
use crate::{Hash, IdempotencyRow, Segment, StoreError, StreamId, WorkspaceId};

/// An unsigned number as a column holds it. What does not fit is beyond every stored one.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Begins the two characters that stand for one that a column cannot hold as it is.
const ESCAPE: char = '\u{ffff}';

/// Text as a column holds it. Postgres knows no U+0000: it is written as two characters.
pub(super) fn text(plain: &str) -> Cow<'_, str> {
    if !plain.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(plain);
    }
    let mut escaped = String::with_capacity(plain.len() + 8);
    for character in plain.chars() {
        match character {
            '\0' => escaped.extend([ESCAPE, '0']),
            ESCAPE => escaped.extend([ESCAPE, '1']),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

/// The reverse of [`text`]; `None` for what it does not write.
fn plain(stored: String) -> Option<String> {
    if !stored.contains(ESCAPE) {
        return Some(stored);
    }
    let mut plain = String::with_capacity(stored.len());
    let mut characters = stored.chars();
    while let Some(character) = characters.next() {
        plain.push(if character != ESCAPE {
            character
        } else {
            match characters.next() {
                Some('0') => '\0',
                Some('1') => ESCAPE,
                Some(_) | None => return None,
            }
        });
    }
    Some(plain)
}

/// What is wrong with text that [`text`] did not write.
const MEANINGLESS: &str = "it holds an escape without meaning";

/// [`text`] of many.
pub(super) fn texts<'a>(all: impl IntoIterator<Item = &'a String>) -> Vec<Cow<'a, str>> {
    all.into_iter().map(|one| text(one)).collect()
}

/// Labels as a column holds them: a JSON object, or null where there are none.
pub(super) fn labels(labels: &BTreeMap<String, String>) -> Result<Option<String>, StoreError> {
    if labels.is_empty() {
        return Ok(None);
    }
    json(labels).map(Some)
}

/// A value as JSON, in which U+0000 is written out.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    let json = serde_json::to_string(value);
    let json = json.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    Ok(text(&json).into_owned())
}

/// Takes the columns of a row one after the other; names what does not decode.
pub(super) struct Columns<'r> {
    row: &'r PgRow,
    table: &'static str,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(super) fn of(row: &'r PgRow, table: &'static str) -> Self {
        Self { row, table, next: 0 }
    }

    /// The next column.
    pub(super) fn take<T>(&mut self, column: &'static str) -> Result<T, Failure>
    where
        T: sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        let index = self.next;
        self.next += 1;
        self.row.try_get(index).map_err(|error| self.problem(column, &error.to_string()))
    }

    /// The next column as an unsigned number.
    pub(super) fn count<T: TryFrom<i64>>(&mut self, column: &'static str) -> Result<T, Failure> {
        let value: i64 = self.take(column)?;
        T::try_from(value).map_err(|_| self.problem(column, &format!("{value} is out of range")))
    }

    /// The next column as an unsigned number, or null.
    pub(super) fn maybe_count<T: TryFrom<i64>>(
        &mut self,
        column: &'static str,
    ) -> Result<Option<T>, Failure> {
        let Some(value) = self.take::<Option<i64>>(column)? else { return Ok(None) };
        let count = T::try_from(value);
        count.map(Some).map_err(|_| self.problem(column, &format!("{value} is out of range")))
    }

    /// The next column, which stays the next one.
    pub(super) fn peek<T>(&mut self, column: &'static str) -> Result<T, Failure>
    where
        T: sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        let value = self.take(column)?;
        self.next -= 1;
        Ok(value)
    }

    /// The next column, a [`text`].
    pub(super) fn text(&mut self, column: &'static str) -> Result<String, Failure> {
        let stored: String = self.take(column)?;
        plain(stored).ok_or_else(|| self.problem(column, MEANINGLESS))
    }

    /// The next column, a [`text`] or null.
    pub(super) fn maybe_text(&mut self, column: &'static str) -> Result<Option<String>, Failure> {
        let Some(stored) = self.take::<Option<String>>(column)? else { return Ok(None) };
        plain(stored).map(Some).ok_or_else(|| self.problem(column, MEANINGLESS))
    }

    /// The next column as JSON; null is the default.
    pub(super) fn json<T: serde::de::DeserializeOwned + Default>(
        &mut self,
        column: &'static str,
    ) -> Result<T, Failure> {
        let Some(text) = self.maybe_text(column)? else { return Ok(T::default()) };
        serde_json::from_str(&text).map_err(|error| self.problem(column, &error.to_string()))
    }

    pub(super) fn stream(&mut self, column: &'static str) -> Result<StreamId, Failure> {
        self.take(column).map(StreamId)
    }

    pub(super) fn maybe_stream(
        &mut self,
        column: &'static str,
    ) -> Result<Option<StreamId>, Failure> {
        self.take::<Option<Uuid>>(column).map(|id| id.map(StreamId))
    }

    pub(super) fn workspace(&mut self, column: &'static str) -> Result<WorkspaceId, Failure> {
        self.take(column).map(WorkspaceId)
    }

    pub(super) fn hash(&mut self, column: &'static str) -> Result<Hash, Failure> {
        let bytes: &[u8] = self.take(column)?;
        bytes.try_into().map_err(|_| self.problem(column, "it has not 32 bytes"))
    }

    /// A column whose value cannot be; the row is named by its first column.
    pub(super) fn problem(&self, column: &'static str, problem: &str) -> Failure {
        let problem = problem.to_owned();
        StoreError::Inconsistent { table: self.table, column, key: self.key(), problem }.into()
    }

    fn key(&self) -> String {
        let Ok(first) = self.row.try_get_raw(0) else { return String::from("?") };
        match first.type_info().name() {
            "UUID" => self.row.try_get::<Uuid, _>(0).map(|id| id.to_string()),
            "INT8" => self.row.try_get::<i64, _>(0).map(|number| number.to_string()),
            _ => self.row.try_get_unchecked::<String, _>(0),
        }
        .unwrap_or_else(|_| String::from("?"))
    }
}

/// How a row is read.
pub(super) type Decode<T> = fn(&mut Columns<'_>) -> Result<T, Failure>;

/// The columns of a [`Segment`], in the order of [`segment`].
macro_rules! segment_columns {
    () => {
        "ordinal, first_seq, last_seq, at_ms, prev_hash, hash, events::text"
    };
}
pub(super) use segment_columns;

/// Decodes [`segment_columns`].
pub(super) fn segment(columns: &mut Columns<'_>) -> Result<Segment, Failure> {
    Ok(Segment {
        ordinal: columns.count("ordinal")?,
        first_seq: columns.count("first_seq")?,
        last_seq: columns.count("last_seq")?,
        at_ms: columns.take("at_ms")?,
        prev_hash: columns.hash("prev_hash")?,
        hash: columns.hash("hash")?,
        events: columns.take("events")?,
    })
}

/// Decodes `body_hash, status, response`.
pub(super) fn idempotency(columns: &mut Columns<'_>) -> Result<IdempotencyRow, Failure> {
    Ok(IdempotencyRow {
        body_hash: columns.hash("body_hash")?,
        status: columns.count("status")?,
        response: columns.text("response")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_survives_its_escape() {
        for original in ["", "plain", "\0", "a\0b\u{ffff}c\0", "\u{ffff}0", "\u{ffff}\u{ffff}1"] {
            let stored = text(original).into_owned();
            assert!(!stored.contains('\0'));
            assert_eq!(plain(stored), Some(original.to_owned()));
        }
        assert_eq!(plain(String::from("\u{ffff}")), None);
        assert_eq!(plain(String::from("\u{ffff}2")), None);
    }
}
