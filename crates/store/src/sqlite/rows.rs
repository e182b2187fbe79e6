//! Values as columns hold them, and rows as the port knows them.

use std::collections::BTreeMap;

use rusqlite::types::{FromSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Row, ToSql};
use uuid::Uuid;

use super::error::Failure;
use crate::{Hash, IdempotencyRow, Segment, StoreError, StreamId, TimeMs, WorkspaceId};

/// An unsigned number as a column holds it. What does not fit is beyond every stored one.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl ToSql for StreamId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.0.as_bytes())))
    }
}

impl ToSql for WorkspaceId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.0.as_bytes())))
    }
}

/// Takes the columns of a row one after the other; names what does not decode.
pub(super) struct Columns<'r> {
    row: &'r Row<'r>,
    table: &'static str,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(super) fn of(row: &'r Row<'r>, table: &'static str) -> Self {
        Self { row, table, next: 0 }
    }

    /// The next column.
    pub(super) fn take<T: FromSql>(&mut self, column: &'static str) -> Result<T, Failure> {
        let index = self.next;
        self.next += 1;
        self.row.get(index).map_err(|error| self.problem(column, &error.to_string()))
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

    pub(super) fn stream(&mut self, column: &'static str) -> Result<StreamId, Failure> {
        self.take(column).map(|bytes| StreamId(Uuid::from_bytes(bytes)))
    }

    pub(super) fn workspace(&mut self, column: &'static str) -> Result<WorkspaceId, Failure> {
        self.take(column).map(|bytes| WorkspaceId(Uuid::from_bytes(bytes)))
    }

    pub(super) fn maybe_stream(
        &mut self,
        column: &'static str,
    ) -> Result<Option<StreamId>, Failure> {
        let bytes: Option<[u8; 16]> = self.take(column)?;
        Ok(bytes.map(|bytes| StreamId(Uuid::from_bytes(bytes))))
    }

    /// The next column, a [`DigestColumn`], as text.
    pub(super) fn digest(&mut self, column: &'static str) -> Result<String, Failure> {
        match self.take(column)? {
            Value::Text(text) => Ok(text),
            Value::Blob(bytes) => Ok(format!("sha256:{}", hex::encode(bytes))),
            Value::Null | Value::Integer(_) | Value::Real(_) => {
                Err(self.problem(column, "it is neither text nor bytes"))
            }
        }
    }

    /// The next column, [`Labels`].
    pub(super) fn labels(
        &mut self,
        column: &'static str,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let text: Option<String> = self.take(column)?;
        let Some(text) = text else { return Ok(BTreeMap::new()) };
        serde_json::from_str(&text).map_err(|error| self.problem(column, &error.to_string()))
    }

    /// The next column as JSON.
    pub(super) fn json<T: serde::de::DeserializeOwned>(
        &mut self,
        column: &'static str,
    ) -> Result<T, Failure> {
        let text: String = self.take(column)?;
        serde_json::from_str(&text).map_err(|error| self.problem(column, &error.to_string()))
    }

    /// A column whose value cannot be; the row is named by its first column.
    pub(super) fn problem(&self, column: &'static str, problem: &str) -> Failure {
        let key = match self.row.get::<_, Value>(0) {
            Ok(Value::Blob(bytes)) => hex::encode(bytes),
            Ok(Value::Text(text)) => text,
            Ok(Value::Integer(number)) => number.to_string(),
            Ok(Value::Null | Value::Real(_)) | Err(_) => String::from("?"),
        };
        let problem = problem.to_owned();
        StoreError::Inconsistent { table: self.table, column, key, problem }.into()
    }
}

/// The columns of a [`Segment`], in the order of [`segment`].
pub(super) const SEGMENT: &str = "ordinal, first_seq, last_seq, at_ms, prev_hash, hash, events";

/// Decodes [`SEGMENT`].
pub(super) fn segment(columns: &mut Columns<'_>) -> Result<Segment, Failure> {
    Ok(Segment {
        ordinal: columns.count("ordinal")?,
        first_seq: columns.count("first_seq")?,
        last_seq: columns.count("last_seq")?,
        at_ms: columns.take::<TimeMs>("at_ms")?,
        prev_hash: columns.take::<Hash>("prev_hash")?,
        hash: columns.take::<Hash>("hash")?,
        events: columns.take("events")?,
    })
}

/// Collects the rows of a statement.
pub(super) fn collect<T>(
    mut rows: rusqlite::Rows<'_>,
    table: &'static str,
    decode: impl Fn(&mut Columns<'_>) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(decode(&mut Columns::of(row, table))?);
    }
    Ok(all)
}

/// The first row of a statement.
pub(super) fn first<T>(
    rows: rusqlite::Rows<'_>,
    table: &'static str,
    decode: impl Fn(&mut Columns<'_>) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    let mut rows = rows;
    match rows.next()? {
        Some(row) => decode(&mut Columns::of(row, table)).map(Some),
        None => Ok(None),
    }
}

/// A digest as a column holds it: 32 bytes where it is `sha256:` and lower-case hex, else the text.
pub(super) enum DigestColumn<'a> {
    Sha256(Hash),
    Text(&'a str),
}

impl<'a> DigestColumn<'a> {
    pub(super) fn new(digest: &'a str) -> Self {
        let lower = |hex: &&str| !hex.bytes().any(|byte| byte.is_ascii_uppercase());
        let mut hash = Hash::default();
        let hex = digest.strip_prefix("sha256:").filter(lower);
        match hex.map(|hex| hex::decode_to_slice(hex, &mut hash)) {
            Some(Ok(())) => Self::Sha256(hash),
            Some(Err(_)) | None => Self::Text(digest),
        }
    }
}

impl ToSql for DigestColumn<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Sha256(hash) => ValueRef::Blob(hash),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

impl From<DigestColumn<'_>> for Value {
    fn from(column: DigestColumn<'_>) -> Self {
        match column {
            DigestColumn::Sha256(hash) => Self::Blob(hash.to_vec()),
            DigestColumn::Text(text) => Self::Text(text.to_owned()),
        }
    }
}

/// Labels as a column holds them: a JSON object, or null where there are none.
pub(super) struct Labels(Option<String>);

impl Labels {
    pub(super) fn new(labels: &BTreeMap<String, String>) -> Result<Self, Failure> {
        if labels.is_empty() {
            return Ok(Self(None));
        }
        let json = serde_json::to_string(labels);
        let json = json.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self(Some(json)))
    }
}

impl ToSql for Labels {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

/// Decodes `body_hash, status, response`.
pub(super) fn idempotency(columns: &mut Columns<'_>) -> Result<IdempotencyRow, Failure> {
    Ok(IdempotencyRow {
        body_hash: columns.take("body_hash")?,
        status: columns.count("status")?,
        response: columns.take("response")?,
    })
}
