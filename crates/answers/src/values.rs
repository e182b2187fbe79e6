//! Values in answers: short ones themselves, long ones by reference.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_api::{RawText, ValueRef};
use aob_edge::{Caller, Refusal};
use aob_engine::{Blob, INLINE_BYTES_MAX, PayloadRef, RunId};
use aob_ir::Digest;
use serde_json::value::RawValue;

use crate::Reads;
use crate::refusals::unreadable;

/// Bytes of values in one answer; what goes beyond is shown by reference.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// Values of one run that an answer shows.
#[derive(Debug)]
pub struct Values {
    run: RunId,
    found: BTreeMap<Digest, Arc<Blob>>,
}

/// One value in an answer: exactly one of the two is present.
pub type Shown = (Option<RawText>, Option<ValueRef>);

impl Reads {
    /// Reads those of `wanted` that are short, as many as an answer may show, in their order.
    /// Those of `at_hand` are not read again.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub async fn values(
        &self,
        caller: &Caller,
        run: RunId,
        wanted: impl Iterator<Item = PayloadRef>,
        at_hand: &[Arc<Blob>],
    ) -> Result<Values, Refusal> {
        let at_hand: BTreeMap<Digest, &Arc<Blob>> =
            at_hand.iter().map(|blob| (blob.digest(), blob)).collect();
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        let mut bytes = 0;
        for reference in wanted {
            let short = reference.seq.is_some() && reference.len <= INLINE_BYTES_MAX as u64;
            if !short || bytes + reference.len > ANSWER_BYTES_MAX {
                continue;
            }
            bytes += reference.len;
            match at_hand.get(&reference.digest) {
                Some(blob) => {
                    found.insert(reference.digest, Arc::clone(blob));
                }
                None => missing.push(reference),
            }
        }
        if !missing.is_empty() {
            let read = self.reader.values(caller.workspace(), run, &missing).await;
            let read = read.map_err(|error| unreadable(&error))?;
            found.extend(read.into_iter().map(|blob| (blob.digest(), blob)));
        }
        Ok(Values { run, found })
    }
}

impl Values {
    /// How an answer shows this value.
    pub fn show(&self, reference: Option<PayloadRef>) -> Shown {
        let Some(reference) = reference else { return (None, None) };
        let text = self.found.get(&reference.digest).map(|blob| blob.text().to_owned());
        match text.and_then(|text| RawValue::from_string(text).ok()) {
            Some(text) => (Some(RawText(text)), None),
            None => (None, Some(self.reference(reference))),
        }
    }

    fn reference(&self, reference: PayloadRef) -> ValueRef {
        let digest = reference.digest;
        let place = match reference.seq {
            Some(seq) => format!("?run={}&seq={seq}", self.run),
            None => String::new(),
        };
        ValueRef { digest, len: reference.len, href: format!("/v1/artifacts/{digest}{place}") }
    }
}
