//! Nearest names, for "did you mean".

/// The candidate that `name` is most likely a misspelling of; `None` if nothing is near.
///
/// A third of the letters may differ, their case does not count, and ties go to the candidate
/// named first.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let tolerance = (name.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= tolerance && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean ...?`, or all there are.
pub(crate) fn hint_for(name: &str, candidates: &[&str]) -> Option<String> {
    match nearest(name, candidates.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if candidates.is_empty() => None,
        None => Some(format!("known are {}", list(candidates))),
    }
}

/// `a`, `b`, `c`.
pub(crate) fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::{hint_for, nearest};

    #[test]
    fn finds_misspellings_and_nothing_else() {
        let known = ["limit", "cursor", "status"];
        assert_eq!(nearest("limt", known), Some("limit"));
        assert_eq!(nearest("Status", known), Some("status"));
        assert_eq!(nearest("banana", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn hints_name_what_there_is() {
        assert_eq!(hint_for("limt", &["limit"]).as_deref(), Some("did you mean `limit`?"));
        let all = hint_for("x", &["limit", "cursor"]);
        assert_eq!(all.as_deref(), Some("known are `limit`, `cursor`"));
        assert_eq!(hint_for("x", &[]), None);
    }
}
