//! Query strings, strictly: nothing unknown, nothing twice, numbers within their range.

use std::ops::RangeInclusive;

use aob_api::{ErrorCode, Problem, ProblemItem};
use http::Uri;
use url::form_urlencoded;

use crate::Refusal;
use crate::nearest::hint_for;

/// The parameters of a request.
#[derive(Debug, Clone, Default)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// The parameters of `uri`, all of which must be among `known`.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidParameter`], naming every unknown one.
    pub fn of(uri: &Uri, known: &[&str]) -> Result<Self, Refusal> {
        let text = uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(text.as_bytes()).into_owned().collect::<Vec<_>>();
        let unknown = pairs.iter().filter(|(name, _)| !known.contains(&name.as_str()));
        let errors: Vec<ProblemItem> = unknown
            .map(|(name, _)| {
                let message = format!("there is no query parameter `{name}` here");
                let item = ProblemItem::new("unknown_parameter", message);
                match hint_for(name, known) {
                    Some(hint) => item.with_hint(hint),
                    None => item.with_hint("this route takes no parameters"),
                }
            })
            .collect();
        match errors.first() {
            None => Ok(Self { pairs }),
            Some(first) => {
                let detail = first.message.clone();
                Err(Problem::new(ErrorCode::InvalidParameter, detail).with_errors(errors).into())
            }
        }
    }

    /// The value of a parameter that stands at most once.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidParameter`] where it stands twice.
    pub fn one(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let named = self.pairs.iter().filter(|(known, _)| known == name);
        let mut values = named.map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (first, None) => Ok(first),
            (_, Some(_)) => Err(Self::refuse(name, "stands more than once", "give it once")),
        }
    }

    /// The values of a parameter that may stand more than once.
    pub fn all<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        self.pairs.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A whole number.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidParameter`] where it is none, or out of `range`.
    pub fn number(&self, name: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let number = text.parse::<u64>().ok().filter(|number| range.contains(number));
        let hint = format!("give a whole number from {} to {}", range.start(), range.end());
        let found = number.ok_or_else(|| Self::refuse(name, &format!("is `{text}`"), &hint))?;
        Ok(Some(found))
    }

    /// The value of a parameter, read by `read`.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidParameter`] with `hint` where it cannot be read.
    pub fn parsed<T>(
        &self,
        name: &str,
        hint: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let value = read(text).ok_or_else(|| Self::refuse(name, &format!("is `{text}`"), hint))?;
        Ok(Some(value))
    }

    /// The refusal of a parameter's value: "the query parameter `name` {what}".
    pub fn refuse(name: &str, what: &str, hint: &str) -> Refusal {
        let detail = format!("the query parameter `{name}` {what}");
        let item = ProblemItem::new("invalid_value", &*detail).with_hint(hint);
        let problem = Problem::new(ErrorCode::InvalidParameter, detail).with_hint(hint);
        problem.with_errors(vec![item]).into()
    }
}

#[cfg(test)]
mod tests {
    use super::Query;

    fn query(text: &str) -> Result<Query, crate::Refusal> {
        let uri = format!("/x?{text}").parse().unwrap_or_default();
        Query::of(&uri, &["limit", "label"])
    }

    #[test]
    fn reads_what_is_known() {
        let found = query("limit=10&label=a%3Ab&label=c%20d+e").unwrap();
        assert_eq!(found.number("limit", 1..=10).unwrap(), Some(10));
        assert_eq!(found.all("label").collect::<Vec<_>>(), ["a:b", "c d e"]);
        assert!(query("").unwrap().one("limit").unwrap().is_none());
    }

    #[test]
    fn refuses_the_rest() {
        let refusal = query("limt=1&colour=red").unwrap_err().0;
        let hints: Vec<_> = refusal.errors.iter().map(|e| e.hint.as_deref().unwrap()).collect();
        assert_eq!(hints, ["did you mean `limit`?", "known are `limit`, `label`"]);
        for text in ["limit=11", "limit=0", "limit=-1", "limit=x", "limit=", "limit=1&limit=1"] {
            let refusal = query(text).unwrap().number("limit", 1..=10).unwrap_err();
            assert_eq!(refusal.0.code, "invalid_parameter", "{text}");
        }
    }
}
