//! Nearest names, for "did you mean".

/// The candidate that `name` is most likely a misspelling of; `None` if nothing is near.
///
/// Distances are of Damerau and Levenshtein, letters compared without case; a third of the
/// letters may differ, and ties go to the candidate named first. A name that is cut short, or
/// ends otherwise (`timeout` for `timeout_ms`, `retries` for `retry`), is near too.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let tolerance = (name.chars().count() / 3).clamp(1, 4);
    let mut same_start = None;
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let lower = candidate.to_lowercase();
        let distance = strsim::damerau_levenshtein(&name, &lower);
        let is_near = distance <= tolerance && distance < candidate.len();
        if is_near && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
        if same_start.is_none() && starts_alike(&name, &lower) {
            same_start = Some(candidate);
        }
    }
    best.map(|(_, candidate)| candidate).or(same_start)
}

/// Whether two names share at least four letters at their start, and all but one of the shorter.
fn starts_alike(a: &str, b: &str) -> bool {
    let shared = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    shared >= 4 && shared + 1 >= a.chars().count().min(b.chars().count())
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_misspellings_and_nothing_else() {
        let known = ["timeout_ms", "retry", "config", "id"];
        assert_eq!(nearest("timeoutms", known), Some("timeout_ms"));
        assert_eq!(nearest("Config", known), Some("config"));
        assert_eq!(nearest("rtery", known), Some("retry"));
        assert_eq!(nearest("timeout", known), Some("timeout_ms"));
        assert_eq!(nearest("retries", known), Some("retry"));
        assert_eq!(nearest("banana", known), None);
        assert_eq!(nearest("reset", known), None);
        assert_eq!(nearest("x", known), None);
        assert_eq!(nearest("", known), None);
    }
}
