//! The tables of the journal.

use cordboard_model::CallId;
use rusqlite::types::{Type, Value};
use rusqlite::{Connection, Row, ToSql, Transaction, params, params_from_iter};

use super::Problem;
use crate::{
    DecidedBy, Decision, DecisionFilter, Page, PageRequest, PersonalData, PluginVersion, Retention,
    ShadowDifference, Stored,
};

/// Rows that one step of pruning takes out. Deleting so many takes milliseconds.
const PRUNE_STEP: u64 = 1000;

/// The tables of the journal, which are pruned alike.
const PRUNED: [&str; 2] = ["decision", "shadow_difference"];

pub(super) fn insert_decision(transaction: &Transaction<'_>, decision: &Decision) -> Result<(), Problem> {
    let plugin = match &decision.by {
        DecidedBy::Plugin(plugin) => Some(plugin),
        DecidedBy::StaticTable | DecidedBy::Fallback => None,
    };
    let mut asked = String::from("\n");
    for step in &decision.trace {
        asked.push_str(&step.plugin);
        asked.push('\n');
    }
    transaction
        .prepare_cached(
            "INSERT INTO decision (at_ms, call_id, kind, question, answer, decided_by, plugin, version, generation, digest, \
             config_digest, why, elapsed_us, asked, trace, personal_data) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        )?
        .execute(params![
            integer(decision.at_ms),
            call_id(decision.call_id),
            decision.kind,
            decision.question,
            decision.answer,
            decision.by.word(),
            plugin.map(|plugin| &plugin.name),
            plugin.map(|plugin| &plugin.version),
            plugin.map(|plugin| plugin.generation),
            plugin.map(|plugin| &plugin.digest),
            plugin.map(|plugin| &plugin.config_digest),
            decision.why,
            integer(decision.elapsed_us),
            asked,
            to_json(&decision.trace),
            decision.personal_data.as_str(),
        ])?;
    Ok(())
}

pub(super) fn insert_difference(
    transaction: &Transaction<'_>,
    difference: &ShadowDifference,
) -> Result<(), Problem> {
    transaction
        .prepare_cached(
            "INSERT INTO shadow_difference (at_ms, call_id, kind, plugin, digest, candidate_digest, question, before, after, \
             fields, personal_data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            integer(difference.at_ms),
            call_id(difference.call_id),
            difference.kind,
            difference.plugin,
            difference.digest,
            difference.candidate_digest,
            difference.question,
            difference.before,
            difference.after,
            to_json(&difference.fields),
            difference.personal_data.as_str(),
        ])?;
    Ok(())
}

pub(super) fn decisions(
    connection: &Connection,
    filter: &DecisionFilter,
    page: &PageRequest,
) -> Result<Page<Decision>, Problem> {
    let mut wanted = Wanted::default();
    if let Some(plugin) = &filter.plugin {
        wanted.add("instr(asked, ?) > 0", format!("\n{plugin}\n"));
    }
    if let Some(kind) = &filter.kind {
        wanted.add("kind = ?", kind.clone());
    }
    if let Some(call) = filter.call_id {
        wanted.add("call_id = ?", call_id(Some(call)));
    }
    if let Some(since) = filter.since_ms {
        wanted.add("at_ms >= ?", integer(since));
    }
    if let Some(until) = filter.until_ms {
        wanted.add("at_ms < ?", integer(until));
    }
    if filter.fallbacks_only {
        wanted.add("decided_by <> ?", "plugin".to_owned());
    }
    let columns = "id, at_ms, call_id, kind, question, answer, decided_by, plugin, version, generation, digest, config_digest, \
                   why, elapsed_us, trace, personal_data";
    wanted.page(connection, columns, "decision", page, decision_of)
}

pub(super) fn differences(
    connection: &Connection,
    plugin: Option<&str>,
    page: &PageRequest,
) -> Result<Page<ShadowDifference>, Problem> {
    let mut wanted = Wanted::default();
    if let Some(plugin) = plugin {
        wanted.add("plugin = ?", plugin.to_owned());
    }
    let columns = "id, at_ms, call_id, kind, plugin, digest, candidate_digest, question, before, after, fields, personal_data";
    wanted.page(connection, columns, "shadow_difference", page, difference_of)
}

/// Takes out the oldest rows, as far as they are too old or too many.
pub(super) fn prune(transaction: &Transaction<'_>, now_ms: u64, keep: &Retention) -> Result<bool, Problem> {
    let max_age_ms = u64::try_from(keep.max_age.as_millis()).unwrap_or(u64::MAX);
    let oldest_ms = integer(now_ms.saturating_sub(max_age_ms));
    let mut has_more = false;
    for table in PRUNED {
        // Only the oldest rows are looked at: they were written in the order of time, and a whole table would take long to read.
        let removed = transaction
            .prepare_cached(&format!(
                "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} ORDER BY id LIMIT ?1) \
                 AND (at_ms < ?2 OR id <= (SELECT max(id) FROM {table}) - ?3)"
            ))?
            .execute(params![integer(PRUNE_STEP), oldest_ms, integer(keep.max_rows)])?;
        has_more |= removed as u64 == PRUNE_STEP;
    }
    Ok(has_more)
}

/// Conditions and what they are about.
#[derive(Default)]
struct Wanted {
    conditions: Vec<&'static str>,
    values: Vec<Value>,
}

impl Wanted {
    fn add(&mut self, condition: &'static str, value: impl Into<Value>) {
        self.conditions.push(condition);
        self.values.push(value.into());
    }

    fn page<T>(
        mut self,
        connection: &Connection,
        columns: &str,
        table: &str,
        page: &PageRequest,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<Stored<T>>,
    ) -> Result<Page<T>, Problem> {
        if let Some(behind) = page.behind {
            self.add(if page.newest_first { "id < ?" } else { "id > ?" }, integer(behind));
        }
        let order = if page.newest_first { "DESC" } else { "ASC" };
        let filter = match self.conditions.as_slice() {
            [] => String::new(),
            conditions => format!("WHERE {}", conditions.join(" AND ")),
        };
        // One more than wanted tells whether there is a next page.
        let limit = page.limit();
        let query = format!("SELECT {columns} FROM {table} {filter} ORDER BY id {order} LIMIT {}", limit + 1);
        let mut statement = connection.prepare_cached(&query)?;
        let rows = statement.query_map(params_from_iter(self.values), read)?;
        let entries = rows.collect::<rusqlite::Result<Vec<_>>>().map_err(bad_row)?;
        Ok(Page::of(entries, limit))
    }
}

fn decision_of(row: &Row<'_>) -> rusqlite::Result<Stored<Decision>> {
    let by = match row.get_ref("decided_by")?.as_str()? {
        "plugin" => DecidedBy::Plugin(PluginVersion {
            name: row.get("plugin")?,
            version: row.get("version")?,
            generation: row.get("generation")?,
            digest: row.get("digest")?,
            config_digest: row.get("config_digest")?,
        }),
        "static-table" => DecidedBy::StaticTable,
        _ => DecidedBy::Fallback,
    };
    let entry = Decision {
        at_ms: natural(row, "at_ms")?,
        call_id: call_id_of(row)?,
        kind: row.get("kind")?,
        question: row.get("question")?,
        answer: row.get("answer")?,
        by,
        why: row.get("why")?,
        elapsed_us: natural(row, "elapsed_us")?,
        trace: from_json(row, "trace")?,
        personal_data: personal_data_of(row)?,
    };
    Ok(Stored { id: natural(row, "id")?, entry })
}

fn difference_of(row: &Row<'_>) -> rusqlite::Result<Stored<ShadowDifference>> {
    let entry = ShadowDifference {
        at_ms: natural(row, "at_ms")?,
        call_id: call_id_of(row)?,
        kind: row.get("kind")?,
        plugin: row.get("plugin")?,
        digest: row.get("digest")?,
        candidate_digest: row.get("candidate_digest")?,
        question: row.get("question")?,
        before: row.get("before")?,
        after: row.get("after")?,
        fields: from_json(row, "fields")?,
        personal_data: personal_data_of(row)?,
    };
    Ok(Stored { id: natural(row, "id")?, entry })
}

/// SQLite knows signed numbers only. Times and ids are far below its largest.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn natural(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

fn call_id(id: Option<CallId>) -> Value {
    id.map_or(Value::Null, |id| Value::Blob(id.bits().to_be_bytes().to_vec()))
}

fn call_id_of(row: &Row<'_>) -> rusqlite::Result<Option<CallId>> {
    let bytes: Option<[u8; 16]> = row.get("call_id")?;
    Ok(bytes.map(|bytes| CallId::from_bits(u128::from_be_bytes(bytes))))
}

fn personal_data_of(row: &Row<'_>) -> rusqlite::Result<PersonalData> {
    Ok(match row.get_ref("personal_data")?.as_str()? {
        "keep" => PersonalData::Keep,
        "hash" => PersonalData::Hash,
        _ => PersonalData::Drop,
    })
}

fn to_json(value: &impl serde::Serialize) -> impl ToSql {
    serde_json::to_string(value).expect("lists of plain records are always JSON")
}

fn from_json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
}

/// A row that we cannot read is not the fault of who asks, and not a reason to call the whole file broken.
fn bad_row(error: rusqlite::Error) -> Problem {
    match error {
        rusqlite::Error::SqliteFailure(..) => Problem::Sqlite(error),
        other => Problem::BadRow(other.to_string()),
    }
}
