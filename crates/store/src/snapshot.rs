//! A view of the rows as one commit left them.
use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable, TableDefinition, TableError, TableHandle,
};

use crate::error::{Result, StoreError};
use crate::frame;

/// A table of framed values.
pub type Definition<'a> = TableDefinition<'a, &'static [u8], &'static [u8]>;
type Table = ReadOnlyTable<&'static [u8], &'static [u8]>;
/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Keys from `start` (included) to `end` (excluded; None: to the last), at most `limit`, from the end if `reverse`.
#[derive(Debug)]
pub struct ScanRange {
    pub start: Vec<u8>,
    pub end: Option<Vec<u8>>,
    pub limit: usize,
    pub reverse: bool,
}

/// One table of a snapshot.
pub struct Rows {
    name: &'static str,
    table: Option<Table>,
}

impl Rows {
    /// The value of a key. Errors: Corrupt, naming table and key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let Some(table) = &self.table else {
            return Ok(None);
        };
        let found = table.get(key)?;
        found
            .map(|framed| unframe(self.name, key, framed.value()))
            .transpose()
    }

    /// Calls `visit` with every key and value from `start` on, in order, until it says false.
    pub fn visit(
        &self,
        start: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<bool>,
    ) -> Result<()> {
        let Some(table) = &self.table else {
            return Ok(());
        };
        for row in table.range(start..)? {
            let (key, framed) = row?;
            let value = unframe(self.name, key.value(), framed.value())?;
            if !visit(key.value(), &value)? {
                break;
            }
        }
        Ok(())
    }
}

/// What `Store::check` saw.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    pub rows: u64,
    pub problems: Vec<StoreError>,
}

/// A view of one moment: what commits later is not seen.
pub struct Snapshot {
    transaction: ReadTransaction,
}

impl Snapshot {
    /// The view of a transaction that has begun.
    pub fn new(transaction: ReadTransaction) -> Self {
        Self { transaction }
    }

    /// The names of the tables, sorted.
    pub fn tables(&self) -> Result<Vec<String>> {
        let tables = self.transaction.list_tables()?;
        let mut names: Vec<String> = tables.map(|table| table.name().into()).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// One table, opened once for many reads.
    pub fn rows(&self, name: &'static str) -> Result<Rows> {
        let table = self.table(name)?;
        Ok(Rows { name, table })
    }

    fn table(&self, name: &str) -> Result<Option<Table>> {
        match self.transaction.open_table(Definition::new(name)) {
            Ok(table) => Ok(Some(table)),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The value of a key. Errors: Corrupt, naming table and key.
    pub fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let Some(rows) = self.table(table)? else {
            return Ok(None);
        };
        rows.get(key)?
            .map(|framed| unframe(table, key, framed.value()))
            .transpose()
    }

    /// Rows of a table, in the order of their keys. Errors: Corrupt, naming the first broken row.
    pub fn scan(&self, table: &str, range: &ScanRange) -> Result<Vec<Row>> {
        let Some(rows) = self.table(table)? else {
            return Ok(Vec::new());
        };
        let start = range.start.as_slice();
        let found = match range.end.as_deref() {
            Some(end) if end <= start => return Ok(Vec::new()),
            Some(end) => rows.range(start..end)?,
            None => rows.range(start..)?,
        };
        let ordered: Box<dyn Iterator<Item = _>> = if range.reverse {
            Box::new(found.rev())
        } else {
            Box::new(found)
        };
        let mut out = Vec::new();
        for row in ordered.take(range.limit) {
            let (key, framed) = row?;
            out.push((
                key.value().to_vec(),
                unframe(table, key.value(), framed.value())?,
            ));
        }
        Ok(out)
    }

    /// At most `limit` keys from `start` on, without a look at the values.
    pub fn keys(&self, table: &str, start: &[u8], limit: usize) -> Result<Vec<Vec<u8>>> {
        let Some(rows) = self.table(table)? else {
            return Ok(Vec::new());
        };
        let mut keys = Vec::new();
        for row in rows.range(start..)?.take(limit) {
            keys.push(row?.0.value().to_vec());
        }
        Ok(keys)
    }

    /// Reads every row of a table and adds what is broken to the report.
    pub fn check_table(
        &self,
        name: &str,
        report: &mut CheckReport,
        progress: &mut impl FnMut(u64),
    ) -> Result<()> {
        let Some(rows) = self.table(name)? else {
            return Ok(());
        };
        for row in rows.iter()? {
            let (key, framed) = row?;
            report.rows += 1;
            progress(report.rows);
            if let Err(error) = unframe(name, key.value(), framed.value()) {
                report.problems.push(error);
            }
        }
        Ok(())
    }
}

fn unframe(table: &str, key: &[u8], framed: &[u8]) -> Result<Vec<u8>> {
    match frame::open(table, key, framed) {
        Some(value) => Ok(value.to_vec()),
        None => Err(StoreError::corrupt("the value fails its checksum").at(table, key)),
    }
}
