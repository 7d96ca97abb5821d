//! Changes of rows, and the one transaction that makes them.
use redb::Database;

use crate::error::Result;
use crate::frame;
use crate::snapshot::Definition;

/// One atomic change. Deletes of absent keys are fine; a key must not be put twice, or put and deleted.
#[derive(Debug, Default)]
pub struct Changes {
    pub puts: Vec<(String, Vec<u8>, Vec<u8>)>,
    pub deletes: Vec<(String, Vec<u8>)>,
}

/// Makes all changes in one durable transaction, or none.
pub fn commit_changes(database: &Database, changes: &Changes) -> Result<()> {
    let mut transaction = database.begin_write()?;
    // The free-page state is saved with every commit, so that opening after a crash does not walk the whole file;
    // and a commit has two phases, so that the primary slot never names pages that were not synced.
    transaction.set_quick_repair(true);
    // Table by table and in the order of keys: neighbours lie on the same pages.
    let mut puts: Vec<_> = changes.puts.iter().collect();
    puts.sort_unstable();
    for rows in puts.chunk_by(|one, next| one.0 == next.0) {
        let mut table = transaction.open_table(Definition::new(&rows[0].0))?;
        for (name, key, value) in rows {
            table.insert(key.as_slice(), frame::seal(name, key, value).as_slice())?;
        }
    }
    let mut deletes: Vec<_> = changes.deletes.iter().collect();
    deletes.sort_unstable();
    for rows in deletes.chunk_by(|one, next| one.0 == next.0) {
        let mut table = transaction.open_table(Definition::new(&rows[0].0))?;
        for (_, key) in rows {
            table.remove(key.as_slice())?;
        }
    }
    Ok(transaction.commit()?)
}
