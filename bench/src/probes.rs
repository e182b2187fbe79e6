//! Reference probes: what the machine can do without the product.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;

use anyhow::Result;
use aob_store::AppendBatch;
use aob_store::SqliteConfig;
use aob_store::sqlite::open_writer;
use rusqlite::{Connection, params};

use crate::machine::{Samples, Watch};
use crate::report::Row;

/// Durations of one `fdatasync`.
#[derive(Debug)]
pub(crate) struct Fsync {
    samples: Samples,
}

impl Fsync {
    pub(crate) fn p50_us(&self) -> f64 {
        self.samples.us(0.5)
    }

    pub(crate) fn row(&self) -> Row {
        Row {
            id: "fsync",
            what: "fdatasync after overwriting 8 KiB".to_owned(),
            value: self.p50_us(),
            unit: "us",
            p50_us: Some(self.p50_us()),
            p99_us: Some(self.samples.us(0.99)),
            ..Row::default()
        }
    }
}

/// Overwrites 8 KiB of a file that has its size already, and syncs.
pub(crate) fn fsync(count: usize) -> Result<Fsync> {
    let folder = tempfile::tempdir_in(".")?;
    let mut file = File::create(folder.path().join("probe"))?;
    let block = [7_u8; 8192];
    for _ in 0..128 {
        file.write_all(&block)?;
    }
    file.sync_all()?;
    let mut samples = Samples::new();
    for index in 0..count {
        file.seek(SeekFrom::Start((index as u64 % 128) * 8192))?;
        let watch = Watch::start();
        file.write_all(&block)?;
        file.sync_data()?;
        samples.add(watch.elapsed());
    }
    Ok(Fsync { samples })
}

/// Writes the rows of these batches with prepared statements into the same tables, one transaction
/// per batch: the same bytes, rows, batch sizes, pragmas and schema, no engine. Seconds.
pub(crate) fn sqlite(batches: &[Arc<AppendBatch>]) -> Result<f64> {
    let folder = tempfile::tempdir_in(".")?;
    let mut connection = open_writer(&SqliteConfig::new(folder.path().join("probe.db")))?;
    connection.execute("insert into tenants (no, workspace) values (1, ?1)", [vec![0_u8; 16]])?;
    let watch = Watch::start();
    let mut position = 1_i64 << 40;
    for batch in batches {
        write(&mut connection, batch, &mut position)?;
    }
    Ok(watch.elapsed().as_secs_f64())
}

fn write(connection: &mut Connection, batch: &AppendBatch, position: &mut i64) -> Result<()> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    {
        let mut segment = transaction.prepare_cached(
            "insert into segments (id, stream, ordinal, first_seq, last_seq, at_ms, prev_hash, hash, events)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        let mut run = transaction.prepare_cached(
            "insert or replace into runs (tenant, run, status, name, digest, created_ms, updated_ms,
             finished_ms, seq, output) values (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        let mut outbox = transaction.prepare_cached(
            "insert into outbox (stream, ordinal, tenant, at_ms) values (?1, ?2, 1, ?3)",
        )?;
        let mut done =
            transaction.prepare_cached("delete from outbox where stream = ?1 and ordinal = ?2")?;
        for stream in &batch.streams {
            let id = stream.stream.0.as_bytes().as_slice();
            for row in &stream.segments {
                *position += 1;
                let (prev, hash) = (row.prev_hash.as_slice(), row.hash.as_slice());
                let (ordinal, first, last) =
                    (row.ordinal as i64, row.first_seq as i64, row.last_seq as i64);
                segment.execute(params![
                    *position, id, ordinal, first, last, row.at_ms, prev, hash, row.events
                ])?;
                outbox.execute(params![id, ordinal, row.at_ms])?;
            }
            if let Some(row) = &stream.rows.run {
                let digest = [0_u8; 32];
                run.execute(params![
                    id,
                    row.status,
                    row.name,
                    digest.as_slice(),
                    row.created_ms,
                    row.updated_ms,
                    row.finished_ms,
                    row.seq as i64,
                    row.output
                ])?;
            }
        }
        for key in &batch.outbox_done {
            done.execute(params![key.stream.0.as_bytes().as_slice(), key.ordinal as i64])?;
        }
    }
    transaction.commit()?;
    Ok(())
}
