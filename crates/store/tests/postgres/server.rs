//! Databases for cases: copies of one that was migrated, handed from case to case and emptied between.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use aob_store::postgres::migrate;
use aob_store::{Clock, PostgresConfig, PostgresStore};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Row};
use tokio::runtime::Runtime;

/// Where the tests' server is; made by `scripts/services`.
const VARIABLE: &str = "AOB_TEST_POSTGRES_URL";

/// Password of the two roles, on a server that lives as long as its tests.
const PASSWORD: &str = "of-the-tests";

/// Where all stores of the tests have their tasks, whichever case calls them.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().expect("a runtime")
    })
}

/// Runs a future from a test, which is on no runtime.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(future)
}

/// The tests' server, as its superuser.
#[expect(clippy::disallowed_methods, reason = "the tests' configuration is one variable")]
pub(crate) fn admin_url() -> String {
    std::env::var(VARIABLE).unwrap_or_else(|_| {
        panic!("{VARIABLE} is not set: run `scripts/services run -- cargo test ...`")
    })
}

/// The same server with another database, user and password.
fn url(database: &str, user: Option<&str>) -> String {
    let admin = admin_url();
    let rest = admin.strip_prefix("postgres://").expect("a postgres:// address");
    let (login, rest) = rest.split_once('@').expect("a user");
    let (host, _) = rest.split_once('/').expect("a database");
    let login = user.map_or(login.to_owned(), |user| format!("{user}:{PASSWORD}"));
    format!("postgres://{login}@{host}/{database}")
}

/// A database of this test run; who drops it hands it on.
#[derive(Debug)]
pub(crate) struct Database {
    name: String,
}

/// Databases that no case uses, and the number of the next.
static FREE: Mutex<(Vec<String>, u32)> = Mutex::new((Vec::new(), 0));

/// A case that failed in here says why; the others say so for themselves.
fn free() -> MutexGuard<'static, (Vec<String>, u32)> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Database {
    /// An empty one, in which other cases may have been.
    pub(crate) fn empty() -> Self {
        let used = free().0.pop();
        let database = used.map_or_else(Self::fresh, |name| Self { name });
        wait(database.clear());
        database
    }

    /// One that was never used, with statistics of its own.
    pub(crate) fn fresh() -> Self {
        let admin = admin_url();
        let mut free = free();
        if free.1 == 0 {
            wait(template());
        }
        free.1 += 1;
        let name = format!("aob_{}_{}", std::process::id(), free.1);
        let create = format!("create database {name} template {}", template_name());
        wait(async { execute(&mut connect(&admin).await, &create).await });
        Self { name }
    }

    pub(crate) fn log_url(&self) -> String {
        url(&self.name, Some("aob_log"))
    }

    pub(crate) fn api_url(&self) -> String {
        url(&self.name, Some("aob_api"))
    }

    /// As whoever owns it.
    pub(crate) fn owner_url(&self) -> String {
        url(&self.name, None)
    }

    pub(crate) fn config(&self) -> PostgresConfig {
        PostgresConfig::new(&self.log_url(), &self.api_url())
    }

    /// A store on it, with the tests' clock.
    pub(crate) fn store(&self, clock: Clock) -> PostgresStore {
        wait(PostgresStore::connect(&self.config(), Some(clock))).expect("the store opens")
    }

    /// Its owner's connection.
    pub(crate) async fn owner(&self) -> PgConnection {
        connect(&self.owner_url()).await
    }

    async fn clear(&self) {
        let mut owner = self.owner().await;
        let tables = "select relname::text from pg_class
            where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
            and not relispartition and relname <> 'migrations' order by 1";
        let rows = sqlx::query(tables).fetch_all(&mut owner).await.expect("the tables");
        let tables: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let delete: Vec<String> =
            tables.iter().map(|table| format!("delete from {table}")).collect();
        execute(&mut owner, &delete.join(";")).await;
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A case that failed may have left anything behind.
        if !std::thread::panicking() {
            free().0.push(std::mem::take(&mut self.name));
        }
    }
}

fn template_name() -> String {
    format!("aob_{}", std::process::id())
}

/// Migrates the database that the others are copies of.
async fn template() {
    let mut admin = connect(&admin_url()).await;
    execute(&mut admin, &format!("create database {}", template_name())).await;
    migrate(&url(&template_name(), None)).await.expect("the migrations");
    for role in ["aob_log", "aob_api"] {
        execute(&mut admin, &format!("alter role {role} login password '{PASSWORD}'")).await;
    }
}

pub(crate) async fn connect(url: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().expect("an address");
    PgConnection::connect_with(&options).await.expect("the server answers")
}

/// Runs statements that give nothing back.
pub(crate) async fn execute(connection: &mut PgConnection, text: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(connection).await;
    done.unwrap_or_else(|error| panic!("{text}: {error}"));
}

/// The one number that a statement answers.
pub(crate) async fn number(connection: &mut PgConnection, text: &str) -> i64 {
    let row = sqlx::query(AssertSqlSafe(text.to_owned())).fetch_one(connection).await;
    row.unwrap_or_else(|error| panic!("{text}: {error}")).get(0)
}
