//! What a component says about itself, and what it says to a configuration block.

use std::sync::Arc;
use std::time::Duration;

use jsonschema::Validator;
use serde_json::Value;
use tokio::time::Instant;

use crate::bindings::v1::{Description, Prepared, wit};
use crate::engine::Sandbox;
use crate::imports::Grants;
use crate::instance::{fresh_store, settle, until};
use crate::limits::Limits;
use crate::load::LoadError;

/// How long `describe` and `check-config` may take; nobody waits for a call meanwhile.
const CHECK_DEADLINE: Duration = Duration::from_secs(2);

/// Mistakes of one block that are told. A block with more of them is not meant for this plugin.
const MAX_MISTAKES: usize = 32;

/// Asks it to describe itself.
pub(super) async fn describe(
    sandbox: &Sandbox,
    prepared: &Prepared,
    grants: &Arc<Grants>,
    limits: &Limits,
) -> Result<Description, LoadError> {
    let end = Instant::now() + CHECK_DEADLINE;
    let mut store = fresh_store(sandbox, grants, limits, None, end);
    let described = until(sandbox, end, prepared.describe(&mut store)).await.map(Ok::<_, wit::Fault>);
    settle(described, &store, CHECK_DEADLINE).map_err(LoadError::Failed)
}

/// Asks it to check the block of its grants. The mistakes that it finds.
pub(super) async fn check_config(
    sandbox: &Sandbox,
    prepared: &Prepared,
    grants: &Arc<Grants>,
    limits: &Limits,
) -> Result<Vec<String>, LoadError> {
    let end = Instant::now() + CHECK_DEADLINE;
    let mut store = fresh_store(sandbox, grants, limits, None, end);
    let checked = until(sandbox, end, prepared.check_config(&mut store, &grants.config)).await;
    let problems =
        settle(checked.map(Ok::<_, wit::Fault>), &store, CHECK_DEADLINE).map_err(LoadError::Failed)?;
    let line = |(path, message): (String, String)| {
        if path.is_empty() { message } else { format!("{path}: {message}") }
    };
    Ok(problems.into_iter().take(MAX_MISTAKES).map(line).collect())
}

/// The schema of its block; `None` when it has none. References that lead out of the schema are not followed.
pub(super) fn schema(about: &Description) -> Result<Option<Validator>, LoadError> {
    if about.config_schema.trim().is_empty() {
        return Ok(None);
    }
    let schema: Value = serde_json::from_str(&about.config_schema)
        .map_err(|error| LoadError::Schema { detail: format!("it is no JSON: {error}") })?;
    let validator = jsonschema::validator_for(&schema)
        .map_err(|error| LoadError::Schema { detail: error.to_string() })?;
    Ok(Some(validator))
}

/// The places where a block does not fit the schema.
pub(super) fn against_schema(schema: Option<&Validator>, config: &Value) -> Vec<String> {
    let Some(schema) = schema else { return Vec::new() };
    let mistakes = schema.iter_errors(config).take(MAX_MISTAKES);
    let line = |error: jsonschema::ValidationError<'_>| {
        let path = error.instance_path().to_string();
        if path.is_empty() { error.to_string() } else { format!("{path}: {error}") }
    };
    mistakes.map(line).collect()
}
