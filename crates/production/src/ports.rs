//! The ports over what the settings name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aob_bus::kafka::{ConfigError as KafkaError, KafkaBus, KafkaConfig};
use aob_cache::{AddressError, Cache, NullCache, RedisCache, RedisConfig};
use aob_cas::{ConfigError as S3Error, S3Cas, S3Config, S3Credentials};
use aob_store::postgres::PostgresError;
use aob_store::{Log as _, PostgresConfig, PostgresStore, StoreError};
use thiserror::Error;

use crate::{DatabaseClock, Metrics, Settings, SettingsError};

/// How long a service may take to say that it is there.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// Why the ports are not there.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Postgres: also where it is not migrated, or a role would pass the wall between workspaces.
    #[error("database.log_url, database.api_url: the database cannot be used")]
    Database(#[from] PostgresError),
    /// Postgres does not answer.
    #[error("the database does not answer")]
    Store(#[from] StoreError),
    /// Kafka.
    #[error("kafka: the client cannot be made")]
    Kafka(#[from] KafkaError),
    /// Redis.
    #[error("redis.url: the client cannot be made")]
    Redis(#[from] AddressError),
    /// S3.
    #[error("s3: the client cannot be made")]
    S3(#[from] S3Error),
}

/// The ports of a process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Postgres.
    pub store: Arc<PostgresStore>,
    /// Kafka.
    pub bus: KafkaBus,
    /// S3.
    pub cas: Arc<S3Cas>,
    /// Redis; `None`: the settings name none.
    pub redis: Option<RedisCache>,
    /// The database's clock.
    pub clock: DatabaseClock,
}

impl Ports {
    /// Opens all of them. Postgres has to be there; the others may come later.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(settings: &Settings) -> Result<Self, OpenError> {
        let bus = Self::bus(settings)?;
        let cas = Arc::new(S3Cas::new(&s3(settings)?)?);
        let redis = match settings.get::<String>("redis.url")? {
            Some(url) => Some(RedisCache::new(RedisConfig::new(&url))?),
            None => None,
        };
        let (log, api): (String, String) =
            (settings.need("database.log_url")?, settings.need("database.api_url")?);
        let store = PostgresStore::connect(&PostgresConfig::new(&log, &api), None).await?;
        let clock = DatabaseClock::of(&store).await?;
        Ok(Self { store: Arc::new(store), bus, cas, redis, clock })
    }

    /// Kafka alone.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn bus(settings: &Settings) -> Result<KafkaBus, OpenError> {
        let brokers: String = settings.need("kafka.brokers")?;
        let extra = settings.get::<String>("kafka.settings")?.unwrap_or_default();
        let extra = pairs(&extra).map_err(|problem| settings.wrong("kafka.settings", problem))?;
        Ok(KafkaBus::new(KafkaConfig { extra, ..KafkaConfig::new(&brokers) })?)
    }

    /// The cache, whether there is a server for it or not.
    pub fn cache(&self) -> Arc<dyn Cache> {
        match &self.redis {
            Some(redis) => Arc::new(redis.clone()),
            None => Arc::new(NullCache),
        }
    }

    /// Asks every service whether it is there, notes that in `metrics`, and names those that this
    /// process cannot work without and that do not answer. The cache is none of them.
    pub async fn unreachable(&self, metrics: &Metrics) -> Vec<&'static str> {
        let limit = PROBE_TIMEOUT;
        let (store, bus, cas, redis) = tokio::join!(
            tokio::time::timeout(limit, self.store.now_ms()),
            tokio::time::timeout(limit, self.bus.check()),
            tokio::time::timeout(limit, self.cas.check()),
            async {
                match &self.redis {
                    Some(redis) => Some(redis.is_reachable().await),
                    None => None,
                }
            },
        );
        if let Some(answers) = redis {
            metrics.reachable("redis", answers);
        }
        let needed = [
            ("postgres", matches!(store, Ok(Ok(_)))),
            ("kafka", matches!(bus, Ok(Ok(())))),
            ("s3", matches!(cas, Ok(Ok(())))),
        ];
        needed.iter().for_each(|(name, answers)| metrics.reachable(name, *answers));
        needed.into_iter().filter(|(_, answers)| !answers).map(|(name, _)| name).collect()
    }
}

fn s3(settings: &Settings) -> Result<S3Config, SettingsError> {
    let credentials = match settings.get::<String>("s3.key_id")? {
        Some(id) => S3Credentials::Key { id, secret: settings.need("s3.secret")? },
        None => S3Credentials::Environment,
    };
    let bucket: String = settings.need("s3.bucket")?;
    Ok(S3Config {
        prefix: settings.get::<String>("s3.prefix")?.unwrap_or_default(),
        region: settings.need("s3.region")?,
        endpoint: settings.get("s3.endpoint")?,
        ..S3Config::new(&bucket, credentials)
    })
}

/// `name=value,name=value`.
fn pairs(text: &str) -> Result<BTreeMap<String, String>, String> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').ok_or("it is not name=value,...".to_owned())?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    };
    text.split(',').filter(|part| !part.trim().is_empty()).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_client_library_are_pairs() {
        let expected = [("a.b", "1"), ("c", "x=y")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(pairs("a.b=1, c=x=y,"), Ok(BTreeMap::from(expected)));
        assert!(pairs("secret").is_err_and(|problem| !problem.contains("secret")));
    }

    #[tokio::test]
    async fn what_is_missing_is_named_before_anything_is_connected() {
        let flags = ["kafka.brokers=127.0.0.1:1".to_owned()];
        let settings = Settings::load(None, |_| None, &flags).unwrap();
        let error = Ports::open(&settings).await.unwrap_err();
        assert!(error.to_string().starts_with("s3.bucket is not set"), "{error}");
        let error = Ports::open(&Settings::default()).await.unwrap_err();
        assert!(error.to_string().starts_with("kafka.brokers is not set"), "{error}");
    }
}
