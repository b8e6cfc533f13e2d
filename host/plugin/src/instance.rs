//! One question, one instance: a fresh store with its limits, and the time that it has.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use wasmtime::{Store, UpdateDeadline};

use crate::bindings::v1::wit;
use crate::engine::Sandbox;
use crate::failure::{Failure, FailureReason};
use crate::imports::{Grants, State};
use crate::limits::{Limits, Meter};

/// A store in which one instance runs until `end`.
pub(crate) fn fresh_store(
    sandbox: &Sandbox,
    grants: &Arc<Grants>,
    limits: &Limits,
    call_id: Option<String>,
    end: Instant,
) -> Store<State> {
    let (meter, grants) = (Meter::new(limits.memory_bytes), Arc::clone(grants));
    let state = State { lookups: Vec::new(), meter, grants, call_id, end };
    let mut store = Store::new(sandbox.engine(), state);
    store.limiter(|state| &mut state.meter);
    store.set_hostcall_fuel(limits.output_bytes);
    if sandbox.is_metered() {
        // Without a ceiling; who has one sets it. It fails only in an engine that counts no fuel.
        let _ = store.set_fuel(u64::MAX);
    }
    store.set_epoch_deadline(1);
    // A guest that computes gives way at every tick, so that it holds no worker thread, and stops for good at its end.
    store.epoch_deadline_callback(move |_| {
        let is_over = Instant::now() >= end;
        Ok(if is_over { UpdateDeadline::Interrupt } else { UpdateDeadline::Yield(1) })
    });
    store
}

/// Runs a call of a guest until `end`, host functions included.
///
/// # Errors
/// Of wasmtime, or `None` when the time is over.
pub(crate) async fn until<T>(
    sandbox: &Sandbox,
    end: Instant,
    call: impl Future<Output = wasmtime::Result<T>>,
) -> Result<T, Option<wasmtime::Error>> {
    let _running = sandbox.run();
    match timeout_at(end, call).await {
        Ok(result) => result.map_err(Some),
        Err(_) => Err(None),
    }
}

/// What a call of a guest came to.
pub(crate) fn settle<T>(
    result: Result<Result<T, wit::Fault>, Option<wasmtime::Error>>,
    store: &Store<State>,
    deadline: Duration,
) -> Result<T, Failure> {
    match result {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(fault)) => Err(fault.into()),
        Err(Some(error)) => {
            let failure = Failure::of_error(&error, store.data().meter.has_refused());
            let is_late = failure.reason == FailureReason::Deadline;
            Err(if is_late { too_late(deadline, &failure.message) } else { failure })
        }
        Err(None) => Err(too_late(deadline, "it was waiting for a free slot, or had given way to others")),
    }
}

fn too_late(deadline: Duration, place: &str) -> Failure {
    let message = format!("no answer within {} ms: {place}", deadline.as_millis());
    Failure::new(FailureReason::Deadline, message)
}
