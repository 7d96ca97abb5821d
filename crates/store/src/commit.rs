//! Changes of rows, and the one transaction that makes them.
use std::collections::HashMap;

use redb::{Database, ReadableTable, Table, WriteTransaction};

use crate::error::{Result, StoreError};
use crate::frame;
use crate::snapshot::Definition;

/// One atomic change. Deletes of absent keys are fine; a key must not be put twice, or put and deleted.
#[derive(Debug, Default)]
pub struct Changes {
    pub puts: Vec<(String, Vec<u8>, Vec<u8>)>,
    pub deletes: Vec<(String, Vec<u8>)>,
}

/// A transaction that is under way: it sees what it has changed so far, nobody else does.
pub struct Writer<'t> {
    transaction: &'t WriteTransaction,
    tables: HashMap<String, Table<'t, &'static [u8], &'static [u8]>>,
}

impl<'t> Writer<'t> {
    fn table(&mut self, name: &str) -> Result<&mut Table<'t, &'static [u8], &'static [u8]>> {
        if !self.tables.contains_key(name) {
            let table = self.transaction.open_table(Definition::new(name))?;
            self.tables.insert(name.into(), table);
        }
        self.tables
            .get_mut(name)
            .ok_or_else(|| StoreError::corrupt("a table that was opened is gone"))
    }

    /// Sets a row.
    pub fn set(&mut self, table: &str, key: &[u8], value: &[u8]) -> Result<()> {
        let sealed = frame::seal(table, key, value);
        self.table(table)?.insert(key, sealed.as_slice())?;
        Ok(())
    }

    /// Removes a row, if it is there.
    pub fn remove(&mut self, table: &str, key: &[u8]) -> Result<()> {
        self.table(table)?.remove(key)?;
        Ok(())
    }

    /// The keys from `start` (included) to `end` (excluded), without a look at the values.
    pub fn keys(&mut self, table: &str, start: &[u8], end: &[u8]) -> Result<Vec<Vec<u8>>> {
        let mut keys = Vec::new();
        for row in self.table(table)?.range(start..end)? {
            keys.push(row?.0.value().to_vec());
        }
        Ok(keys)
    }

    /// Makes all changes, table by table and in the order of keys: neighbours lie on the same pages.
    pub fn apply(&mut self, changes: &Changes) -> Result<()> {
        let mut puts: Vec<_> = changes.puts.iter().collect();
        puts.sort_unstable();
        for (name, key, value) in puts {
            self.set(name, key, value)?;
        }
        let mut deletes: Vec<_> = changes.deletes.iter().collect();
        deletes.sort_unstable();
        for (name, key) in deletes {
            self.remove(name, key)?;
        }
        Ok(())
    }
}

/// Makes all changes in one durable transaction, or none.
pub fn commit_changes(database: &Database, changes: &Changes) -> Result<()> {
    write(database, |writer| writer.apply(changes))
}

/// Makes what `work` does in one durable transaction; nothing of it where that gives an error.
pub fn write<T>(database: &Database, work: impl FnOnce(&mut Writer) -> Result<T>) -> Result<T> {
    let mut transaction = database.begin_write()?;
    // The free-page state is saved with every commit, so that opening after a crash does not walk the whole file;
    // and a commit has two phases, so that the primary slot never names pages that were not synced.
    transaction.set_quick_repair(true);
    let outcome = work(&mut Writer {
        transaction: &transaction,
        tables: HashMap::new(),
    })?;
    transaction.commit()?;
    Ok(outcome)
}
