//! What a store promises under faults: all of a commit or nothing, and never a wrong value.
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use quip_store::{Changes, FaultyDisk, ScanRange, Store, StoreError};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A file name of this test's own; the file goes with it.
struct TestFile(PathBuf);

impl TestFile {
    fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("quip-store-{}-{number}.redb", std::process::id())))
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn value(commit: u32, row: u32) -> Vec<u8> {
    noise(
        u64::from(commit) << 32 | u64::from(row),
        40 + (row as usize * 97) % 6000,
    )
}

/// Bytes that do not compress and do not repeat.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x2545_f491_4f6c_dd1d) | 1;
    let mut step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| step()).collect()
}

/// Commit n: 20 new rows, and the row "head" set to n.
fn changes(commit: u32) -> Changes {
    let row = |row: u32| {
        (
            "rows".into(),
            [commit.to_be_bytes(), row.to_be_bytes()].concat(),
            value(commit, row),
        )
    };
    let head = (
        "head".into(),
        b"head".to_vec(),
        commit.to_be_bytes().to_vec(),
    );
    Changes {
        puts: (0..20).map(row).chain([head]).collect(),
        deletes: Vec::new(),
    }
}

fn head(store: &Store) -> Result<u32, StoreError> {
    let head = store.get("head", b"head")?;
    Ok(head.map_or(0, |bytes| {
        u32::from_be_bytes(bytes.try_into().expect("four bytes"))
    }))
}

/// The head, if everything up to it is there, right, and nothing else is.
fn verified_head(store: &Store) -> Result<u32, StoreError> {
    let head = head(store)?;
    let rows = store.scan(
        "rows",
        &ScanRange {
            start: vec![],
            end: None,
            limit: usize::MAX,
            reverse: false,
        },
    )?;
    let expected: Vec<_> = (1..=head)
        .flat_map(|commit| changes(commit).puts.into_iter().take(20))
        .collect();
    assert_eq!(rows.len(), expected.len(), "rows after commit {head}");
    for ((key, found), (_, wanted_key, wanted)) in rows.iter().zip(&expected) {
        assert!(key == wanted_key && found == wanted, "row {key:?}");
        assert_eq!(store.get("rows", key)?.as_ref(), Some(wanted));
    }
    Ok(head)
}

fn store_of(path: &Path, commits: u32) {
    let store = Store::open(path).expect("a new store");
    (1..=commits).for_each(|commit| store.commit(&changes(commit)).expect("a commit"));
    store.close().expect("a close");
}

#[test]
fn power_cuts_lose_nothing_that_was_committed() {
    for seed in 0..60_u64 {
        let file = TestFile::new();
        let disk = FaultyDisk::new(&file.0).expect("a disk");
        let store = Store::open_on(disk.clone()).expect("a store");
        (1..=3).for_each(|commit| store.commit(&changes(commit)).expect("a commit"));
        // The power goes within the next operations: a commit is a dozen or so.
        disk.cut_power_after(1 + seed % 40, (seed % 3 > 0).then_some(seed));
        let done = (4..)
            .take_while(|commit| store.commit(&changes(*commit)).is_ok())
            .last()
            .unwrap_or(3);
        assert!(!disk.has_power(), "seed {seed}: the power never went");
        drop(store);
        let reopened = Store::open(&file.0).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let head = verified_head(&reopened).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert!(
            head == done || head == done + 1,
            "seed {seed}: head {head} after {done} commits"
        );
        reopened.commit(&changes(head + 1)).expect("goes on");
        assert_eq!(verified_head(&reopened), Ok(head + 1));
    }
}

#[test]
fn a_full_disk_stops_commits_not_reads() {
    let file = TestFile::new();
    let disk = FaultyDisk::new(&file.0).expect("a disk");
    let store = Store::open_on(disk.clone()).expect("a store");
    (1..=3).for_each(|commit| store.commit(&changes(commit)).expect("a commit"));
    disk.set_full(true);
    let done = (4..40)
        .take_while(|commit| store.commit(&changes(*commit)).is_ok())
        .last()
        .unwrap_or(3);
    assert!(done < 39, "the disk never filled up");
    for _ in 0..3 {
        assert_eq!(verified_head(&store), Ok(done));
        assert!(matches!(
            store.commit(&changes(done + 1)),
            Err(StoreError::Full(_))
        ));
    }
    disk.set_full(false);
    store.commit(&changes(done + 1)).expect("resumes");
    assert_eq!(verified_head(&store), Ok(done + 1));
    store.close().expect("a close");
    assert_eq!(
        verified_head(&Store::open(&file.0).expect("opens")),
        Ok(done + 1)
    );
}

#[test]
fn no_flipped_bit_and_no_cut_gives_a_wrong_answer() {
    let file = TestFile::new();
    store_of(&file.0, 8);
    let whole = std::fs::read(&file.0).expect("bytes");
    let mut random = 1_u64;
    let (mut refused, mut right) = (0, 0);
    for round in 0..300 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mut damaged = whole.clone();
        let at = (random >> 20) as usize % whole.len();
        if round % 5 == 0 {
            damaged.truncate(at);
        } else {
            // Half of the flips among the first blocks, where the headers, checksums and roots are.
            let at = if round % 2 == 0 { at % 40_000 } else { at };
            damaged[at] ^= 1 << (random >> 13 & 7);
        }
        let copy = TestFile::new();
        std::fs::write(&copy.0, &damaged).expect("a copy");
        match Store::open(&copy.0).and_then(|store| verified_head(&store)) {
            Ok(head) => {
                assert_eq!(head, 8, "round {round}");
                right += 1;
            }
            Err(StoreError::Corrupt { .. } | StoreError::Version { .. }) => refused += 1,
            Err(other) => panic!("round {round}: {other}"),
        }
    }
    assert!(
        refused > 100 && right > 10,
        "{refused} refused, {right} right"
    );
}

#[test]
fn salvage_reads_what_is_left_and_check_names_the_rest() {
    let file = TestFile::new();
    store_of(&file.0, 8);
    let mut bytes = std::fs::read(&file.0).expect("bytes");
    let wanted = value(3, 7);
    let at = bytes
        .windows(64)
        .position(|window| window == &wanted[..64])
        .expect("the value is in the file");
    bytes[at + 5] ^= 0x10;
    std::fs::write(&file.0, &bytes).expect("damaged");
    let store = Store::open(&file.0).expect("only a row is damaged");
    let report = store.check(|_| ()).expect("a report");
    assert_eq!(report.problems.len(), 1, "{report:?}");
    drop(store);
    let bytes = std::fs::read(&file.0).expect("bytes");
    let salvaged = Store::salvage(&file.0).expect("salvage");
    let report = salvaged.check(|_| ()).expect("a report");
    let key = [3_u32.to_be_bytes(), 7_u32.to_be_bytes()].concat();
    assert!(
        matches!(&report.problems[..], [StoreError::Corrupt { table, key: named, .. }] if table == "rows" && *named == key)
    );
    assert_eq!(report.rows, 8 * 20 + 2);
    assert!(matches!(
        salvaged.get("rows", &key),
        Err(StoreError::Corrupt { .. })
    ));
    assert_eq!(
        salvaged.get("head", b"head"),
        Ok(Some(8_u32.to_be_bytes().to_vec()))
    );
    assert!(
        std::fs::read(&file.0).expect("bytes") == bytes,
        "salvage must not write"
    );
}

#[test]
fn a_new_file_is_its_owners_alone() {
    let file = TestFile::new();
    drop(Store::open(&file.0).expect("opens"));
    let mode = std::fs::metadata(&file.0)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn one_writer_and_readers_that_do_not_write() {
    let file = TestFile::new();
    store_of(&file.0, 2);
    let bytes = std::fs::read(&file.0).expect("bytes");
    let reader = Store::open_read_only(&file.0).expect("a reader");
    assert_eq!(verified_head(&reader), Ok(2));
    assert_eq!(reader.commit(&changes(3)), Err(StoreError::ReadOnly));
    drop(reader);
    assert!(
        std::fs::read(&file.0).expect("bytes") == bytes,
        "a reader must not write"
    );
    let writer = Store::open(&file.0).expect("a writer");
    assert!(matches!(Store::open(&file.0), Err(StoreError::Locked(_))));
    drop(writer);
    assert_eq!(
        verified_head(&Store::open(&file.0).expect("free again")),
        Ok(2)
    );
}
