//! What concerns the file, besides the tests that every store has to pass.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::suite;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder of our own")
}

fn records(numbers: std::ops::Range<u64>) -> Vec<Record> {
    numbers.map(|number| Record::Decision(Box::new(suite::decision(number)))).collect()
}

fn count(store: &Sqlite) -> usize {
    let page = store.decisions(&DecisionFilter::default(), &PageRequest::oldest(1000));
    page.expect("it is read").entries.len()
}

#[test]
fn it_does_what_every_store_has_to() {
    let folder = folder();
    let mut number = 0;
    suite::all(|| {
        number += 1;
        Sqlite::new(&folder.path().join(format!("{number}.db")))
    });
}

#[test]
fn the_file_is_made_with_its_folder_and_nobody_else_reads_it() {
    let folder = folder();
    let file = folder.path().join("a/b/cordboard.db");
    let store = Sqlite::new(&file);
    assert!(!file.exists(), "nothing is touched before it is needed");
    store.append(&records(0..1)).expect("it is written");
    for name in ["cordboard.db", "cordboard.db-wal"] {
        let mode = file.with_file_name(name).metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn several_that_start_at_once_make_one_set_of_tables() {
    let folder = folder();
    let file = folder.path().join("cordboard.db");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| Sqlite::new(&file).append(&records(0..5)).expect("it is written"));
        }
    });
    assert_eq!(count(&Sqlite::open_to_read(&file).expect("it is there")), 20);
}

#[test]
fn what_is_not_ours_is_refused_and_left_alone() {
    let folder = folder();
    let text = folder.path().join("notes.txt");
    std::fs::write(
        &text,
        "these are notes, and they are longer than any header of a database file would have to be",
    )
    .expect("it is written");
    let foreign = folder.path().join("foreign.db");
    Connection::open(&foreign).expect("it opens").execute_batch("CREATE TABLE t (a)").expect("it is written");
    for file in [text, foreign] {
        let before = std::fs::read(&file).expect("it is there");
        let error = Sqlite::new(&file).append(&records(0..1)).expect_err("it is not ours");
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
        assert_eq!(std::fs::read(&file).expect("it is there"), before, "{}", file.display());
    }
}

#[test]
fn tables_of_a_newer_release_are_refused() {
    let folder = folder();
    let file = folder.path().join("cordboard.db");
    Sqlite::new(&file).append(&records(0..1)).expect("it is written");
    Connection::open(&file)
        .expect("it opens")
        .pragma_update(None, "user_version", 99)
        .expect("it is written");
    let expected =
        StoreError::TooNew { place: file.display().to_string(), found: 99, known: migrate::known() };
    assert_eq!(Sqlite::new(&file).append(&records(0..1)), Err(expected.clone()));
    assert_eq!(Sqlite::open_to_read(&file).err(), Some(expected));
}

#[test]
fn a_store_that_is_not_there_is_not_made_by_reading() {
    let folder = folder();
    let file = folder.path().join("cordboard.db");
    let error = Sqlite::open_to_read(&file).expect_err("it is not there");
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    assert!(!file.exists());
}

#[test]
fn a_locked_file_is_told_as_such_and_read_all_the_same() {
    let folder = folder();
    let store = Sqlite::new(&folder.path().join("cordboard.db"));
    store.append(&records(0..1)).expect("it is written");
    let mut other = Connection::open(&store.file).expect("it opens");
    let lock = other.transaction_with_behavior(TransactionBehavior::Immediate).expect("it is free");
    let error = store.append(&records(1..2)).expect_err("it is locked");
    assert!(matches!(error, StoreError::Locked { .. }) && error.may_pass(), "{error}");
    assert_eq!(count(&store), 1);
    drop(lock);
    store.append(&records(1..2)).expect("it is free again");
    assert_eq!(count(&store), 2);
}

#[test]
fn a_full_disk_is_told_as_such_and_costs_only_what_did_not_fit() {
    let folder = folder();
    let store = Sqlite::new(&folder.path().join("cordboard.db"));
    store.append(&records(0..10)).expect("it is written");
    let limit = |pages: u32| {
        let writer = store.writer.lock().expect("nobody panicked");
        let connection = writer.as_ref().expect("it is open");
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).expect("it is set");
    };
    limit(1);
    let error = store.append(&records(10..500)).expect_err("it does not fit");
    assert!(matches!(error, StoreError::Full { .. }) && error.may_pass(), "{error}");
    assert_eq!(count(&store), 10, "all or nothing");
    store.append(&records(10..500)).expect("there is room again");
    assert_eq!(count(&store), 500);
}

#[test]
fn more_readers_than_connections_all_get_their_turn() {
    let folder = folder();
    let store = Sqlite::new(&folder.path().join("cordboard.db"));
    store.append(&records(0..100)).expect("it is written");
    std::thread::scope(|scope| {
        for _ in 0..4 * MAX_READERS {
            scope.spawn(|| (0..20).for_each(|_| assert_eq!(count(&store), 100)));
        }
    });
    let readers = store.readers();
    assert_eq!(readers.in_use, 0);
    assert!(readers.idle.len() <= MAX_READERS, "{}", readers.idle.len());
}

#[test]
fn a_torn_write_ahead_log_costs_its_torn_end_and_nothing_else() {
    let folder = folder();
    let file = folder.path().join("cordboard.db");
    let store = Sqlite::new(&file);
    store.append(&records(0..1)).expect("it is written");
    store.append(&records(1..100)).expect("it is written");
    // As a machine that lost power may leave them: the last transaction is there in part.
    let copy = folder.path().join("copy.db");
    std::fs::copy(&file, &copy).expect("it is copied");
    let log = std::fs::read(folder.path().join("cordboard.db-wal")).expect("it is there");
    std::fs::write(folder.path().join("copy.db-wal"), &log[..log.len() - 5000]).expect("it is written");
    let copy = Sqlite::new(&copy);
    assert_eq!(count_after_opening(&copy), 1, "whole transactions or none of it");
    copy.append(&records(1..3)).expect("and it goes on");
    assert_eq!(count(&copy), 3);
}

/// Readers need the tables that the writer has made or repaired.
fn count_after_opening(store: &Sqlite) -> usize {
    store.append(&[]).expect("it opens");
    count(store)
}
