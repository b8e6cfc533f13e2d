//! The tables, version by version.

use rusqlite::{Connection, TransactionBehavior};

use super::Problem;

/// Each brings the tables from the version before to the next; the first makes version 1. What was released is never changed: what comes
/// later is one more file.
const MIGRATIONS: &[&str] = &[include_str!("../../migrations/sqlite/0001_journal.sql")];

/// `application_id` of our files ("CRDB"), by which they are told from those of others.
const APPLICATION: i64 = 0x4352_4442;

/// The version of the tables that this release works with.
pub(super) fn known() -> u32 {
    u32::try_from(MIGRATIONS.len()).expect("there are not so many files")
}

/// Brings the tables up to date. Several processes may try at once; one does it.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Problem> {
    let found = version(connection)?;
    if found == known() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    if found > known() {
        return Err(Problem::TooNew { found });
    }
    for migration in MIGRATIONS.iter().skip(found as usize) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", known())?;
    transaction.commit()?;
    Ok(())
}

/// Whether the tables are those that this release reads.
pub(super) fn check(connection: &Connection) -> Result<(), Problem> {
    match version(connection)? {
        found if found > known() => Err(Problem::TooNew { found }),
        found if found < known() => Err(Problem::TooOld { found }),
        _ => Ok(()),
    }
}

/// The version of the tables, 0 in an empty file.
fn version(connection: &Connection) -> Result<u32, Problem> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION && (application != 0 || version != 0 || tables != 0) {
        return Err(Problem::Foreign(format!(
            "a SQLite file with application id {application:#x} and {tables} tables"
        )));
    }
    u32::try_from(version).map_err(|_| Problem::Foreign(format!("version {version} of its tables")))
}
