//! Every key that there is.

/// What a value is, for checking and showing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// As it is.
    Whole,
    /// Without the password that it may hold.
    Url,
    /// Not at all.
    Never,
}

/// A key of the settings.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Section and name: `database.log_url`.
    pub name: &'static str,
    /// Its value where nobody gives one; empty: there is none.
    pub default: &'static str,
    /// How it is shown.
    pub shown: Shown,
    /// What it means.
    pub help: &'static str,
}

const fn key(name: &'static str, default: &'static str, help: &'static str) -> Key {
    Key { name, default, shown: Shown::Whole, help }
}

const fn url(name: &'static str, help: &'static str) -> Key {
    Key { name, default: "", shown: Shown::Url, help }
}

const fn secret(name: &'static str, help: &'static str) -> Key {
    Key { name, default: "", shown: Shown::Never, help }
}

/// All keys, by name.
pub(crate) const KEYS: &[Key] = &[
    key("admin.listen", "127.0.0.1:9090", "where health and metrics are served"),
    key(
        "agents.topics",
        "",
        "pools whose jobs are offered on topics: WORKSPACE/POOL, or * for all others, by commas",
    ),
    key("coordinator.shards", "1", "committers of this process"),
    url("database.api_url", "Postgres, as a member of aob_api"),
    url("database.log_url", "Postgres, as a member of aob_log"),
    url("database.owner_url", "Postgres, as who owns the tables: for `migrate` alone"),
    key("hitl.url", "", "where people find the approval pages; empty: at http.listen"),
    key("http.listen", "127.0.0.1:8080", "where the service is"),
    key("kafka.brokers", "", "host:port, separated by commas"),
    key("kafka.partitions", "8", "partitions of a topic, fixed once it is made"),
    key("kafka.replicas", "3", "copies of a partition"),
    secret("kafka.settings", "name=value,... of librdkafka, such as security.protocol"),
    key("notify.allow", "", "private HOST:PORT or origins that notifications may reach, by commas"),
    key("optimizer.keys", "", "ed25519 keys (hex) that sign the optimizer's modules, by commas"),
    url("redis.url", "Redis; empty: no cache"),
    key("retention.days", "", "runs that are over are kept so long; empty: for ever"),
    key("runner.allow", "", "private HOST:PORT or origins that `http` nodes may call, by commas"),
    key("runner.concurrency", "512", "jobs at once"),
    key("s3.bucket", "", "the bucket of blobs"),
    key("s3.endpoint", "", "http[s]://host[:port] of a service that is not AWS"),
    key("s3.key_id", "", "id of the key; empty: what the environment of AWS offers"),
    key("s3.prefix", "", "what the names of blobs begin with"),
    key("s3.region", "us-east-1", "the region"),
    secret("s3.secret", "secret of the key"),
    key("smtp.from", "", "the sender of mails: NAME <ADDRESS>"),
    secret("smtp.password", "the password at the SMTP server"),
    key(
        "smtp.url",
        "",
        "smtp[s]://[USER@]HOST[:PORT], over TLS; smtp+plain://HOST without; empty: no mail",
    ),
];

/// The key of this name.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The variable of a key: `AOB_DATABASE_LOG_URL`.
pub(crate) fn variable(key: &Key) -> String {
    format!("AOB_{}", key.name.replace('.', "_").to_uppercase())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_are_in_order_and_their_variables_different() {
        assert!(KEYS.is_sorted_by_key(|key| key.name));
        let variables: BTreeSet<_> = KEYS.iter().map(variable).collect();
        assert_eq!(variables.len(), KEYS.len());
        assert!(KEYS.iter().all(|key| key.name.split('.').count() == 2));
    }
}
