//! Asking before something is done that is hard to undo, or done to many at once.

use std::io::{self, BufRead, Write};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Out;

/// Names shown of what would be touched.
const SAMPLE: usize = 5;

/// Asks whether `verb` should be done to these. One explicitly named thing is asked about only on a
/// terminal, and only if `asks_for_one`; several always, and without a terminal that is a refusal.
pub(crate) fn consent(
    out: Out,
    verb: &str,
    noun: &str,
    names: &[String],
    asks_for_one: bool,
) -> Result<(), Failure> {
    let one = names.len() == 1;
    if one && (!asks_for_one || !out.can_ask()) {
        return Ok(());
    }
    let count = names.len();
    let sample: Vec<&str> = names.iter().take(SAMPLE).map(String::as_str).collect();
    let more = if count > SAMPLE { ", ..." } else { "" };
    let what = format!("{count} {noun}{}: {}{more}", if one { "" } else { "s" }, sample.join(", "));
    if !out.can_ask() {
        let message = format!("this would {verb} {what}");
        return Err(Failure::usage(message, "add --yes if that is what you want"));
    }
    match answered(&format!("{verb} {what}? [y/N] ")) {
        true => Ok(()),
        false => {
            let message = format!("not done: {verb} {what}");
            Err(Failure::new(Exit::Interrupted, "declined", message, "answer y, or add --yes"))
        }
    }
}

fn answered(question: &str) -> bool {
    let mut stderr = io::stderr().lock();
    if stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush()).is_err() {
        return false;
    }
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
