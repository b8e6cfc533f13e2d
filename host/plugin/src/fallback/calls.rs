//! The fallbacks about calls: a failed check denies, and the static table routes.

use cordboard_model::{
    Dial, Rejection, RouteDecision, RouteQuestion, Strategy, Target, TargetAddress, Verdict,
};

use crate::settings::StaticRoute;

/// A failed check, or a missing one, denies: letting through is not an option that a failure may choose.
pub(crate) fn authorization_failed() -> Verdict {
    Verdict::Deny(Rejection { status: 503, reason: String::new(), retry_after_s: Some(RETRY_AFTER_S) })
}

/// Every plugin passed: nobody has allowed it.
pub(crate) fn nobody_allows() -> Verdict {
    Verdict::Deny(Rejection { status: 403, reason: String::new(), retry_after_s: None })
}

/// Long enough for a breaker to try again, short enough for a caller to wait.
const RETRY_AFTER_S: u32 = 5;

/// The static table: the targets of the number that were not tried. When all of them were, the call ends as the last of them did. When the
/// table does not know the number: `None`, for [`no_route`].
pub(crate) fn static_route(table: &[StaticRoute], question: &RouteQuestion) -> Option<RouteDecision> {
    let call = &question.call;
    let dialled = call.extension.as_deref().unwrap_or(&call.callee.user);
    let route = best_match(table, dialled)?;
    let untried: Vec<Target> = route
        .targets
        .iter()
        .map(|text| address(text))
        .filter(|address| question.attempts.iter().all(|attempt| attempt.target != *address))
        .map(Target::at)
        .collect();
    if !untried.is_empty() {
        return Some(RouteDecision::Dial(Dial { targets: untried, strategy: Strategy::Sequential }));
    }
    let status = question.attempts.last().map_or(480, |attempt| attempt.status);
    let status = if (400..700).contains(&status) { status } else { 480 };
    Some(RouteDecision::Reject(Rejection { status, reason: String::new(), retry_after_s: None }))
}

/// Nobody knows where the call goes.
pub(crate) fn no_route() -> RouteDecision {
    RouteDecision::Reject(Rejection {
        status: 503,
        reason: String::new(),
        retry_after_s: Some(RETRY_AFTER_S),
    })
}

fn best_match<'a>(table: &'a [StaticRoute], dialled: &str) -> Option<&'a StaticRoute> {
    let exact = table.iter().find(|route| route.number == dialled);
    exact.or_else(|| {
        let prefix = |route: &&StaticRoute| {
            route.number.strip_suffix('*').is_some_and(|prefix| dialled.starts_with(prefix))
        };
        table.iter().filter(prefix).max_by_key(|route| route.number.len())
    })
}

fn address(text: &str) -> TargetAddress {
    if text.starts_with("sip:") || text.starts_with("sips:") {
        TargetAddress::Uri(text.to_owned())
    } else {
        TargetAddress::Aor(text.to_owned())
    }
}
