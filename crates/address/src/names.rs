//! Names that stand for something local.

/// Whether a name (as the DNS has it, in lower case) stands for something local wherever it is
/// resolved; names of one label do.
pub fn is_local_name(name: &str) -> bool {
    const SUFFIXES: [&str; 8] = [
        "localhost",
        "local",
        "localdomain",
        "internal",
        "svc",
        "cluster.local",
        "home.arpa",
        "lan",
    ];
    const NAMES: [&str; 3] = ["metadata.google.internal", "metadata.goog", "instance-data"];
    let below = |suffix: &str| {
        name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let first = name.split('.').next().unwrap_or_default();
    !name.contains('.')
        || SUFFIXES.into_iter().any(below)
        || NAMES.into_iter().any(below)
        || first == "kubernetes" && name.starts_with("kubernetes.default")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_names_are_told_from_those_that_resemble_them() {
        for (name, local) in [
            ("localhost", true),
            ("a.localhost", true),
            ("notlocalhost", true),
            ("notlocalhost.com", false),
            ("internal", true),
            ("db.internal", true),
            ("myinternal.com", false),
            ("kubernetes.default.svc", true),
            ("kubernetes.default", true),
            ("api.kubernetes.default.example.com", false),
            ("metadata.goog", true),
            ("mymetadata.goog", false),
            ("cluster.local", true),
            ("example.com", false),
        ] {
            assert_eq!(is_local_name(name), local, "{name}");
        }
    }
}
