//! Nearest names, for "did you mean".

/// The candidate that `name` is most likely a misspelling of; `None` if nothing is near.
///
/// Distances are of Damerau and Levenshtein, letters compared without case; a third of the
/// letters may differ, and ties go to the candidate named first.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let name = name.to_lowercase();
    let tolerance = (name.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= tolerance && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
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
        assert_eq!(nearest("banana", known), None);
        assert_eq!(nearest("x", known), None);
        assert_eq!(nearest("", known), None);
    }
}
