//! From the host's questions to the records of version 1.

use cordboard_model as model;

use super::{wit, wit_authorization, wit_routing};

/// The authorization question.
pub(crate) fn subject(subject: &model::AuthorizationSubject) -> wit_authorization::Subject {
    match subject {
        model::AuthorizationSubject::Call(facts) => wit_authorization::Subject::Call(call(facts)),
        model::AuthorizationSubject::Register(facts) => wit_authorization::Subject::Register(call(facts)),
        model::AuthorizationSubject::Refer(refer) => {
            wit_authorization::Subject::Refer(wit_authorization::Refer {
                call: call(&refer.call),
                refer_to: refer.refer_to.clone(),
                replaces: refer.replaces,
            })
        }
    }
}

/// The routing question.
pub(crate) fn routing_question(question: &model::RouteQuestion) -> wit_routing::Question {
    wit_routing::Question {
        call: call(&question.call),
        reason: match question.reason {
            model::RouteReason::New => wit_routing::Reason::New,
            model::RouteReason::Failed => wit_routing::Reason::Failed,
            model::RouteReason::Redirected => wit_routing::Reason::Redirected,
            model::RouteReason::Refer => wit_routing::Reason::Refer,
        },
        attempts: question.attempts.iter().map(attempt).collect(),
        redirects: question.redirects.clone(),
        referral: question.referral.as_ref().map(referral),
        digits: None,
        recording: None,
        stream_end: None,
        memo: String::new(),
        attrs: Vec::new(),
    }
}

fn referral(referral: &model::Referral) -> wit_routing::Referral {
    wit_routing::Referral {
        by: match referral.by {
            model::Referrer::Caller => wit_routing::Referrer::Caller,
            model::Referrer::Callee => wit_routing::Referrer::Callee,
        },
        refer_to: referral.refer_to.clone(),
        replaces: referral.replaces,
        attrs: Vec::new(),
    }
}

fn call(facts: &model::CallFacts) -> wit::Call {
    wit::Call {
        id: facts.call_id.to_string(),
        sip_call_id: facts.sip_call_id.clone(),
        method: facts.method.clone(),
        transport: facts.transport.clone(),
        source: facts.source.clone(),
        caller: party(&facts.caller),
        callee: party(&facts.callee),
        trunk: facts.trunk.clone(),
        extension: facts.extension.clone(),
        authenticated_as: facts.authenticated_as.clone(),
        tenant: None,
        headers: facts.headers.clone(),
        hop: facts.hop,
        now_ms: facts.now_ms,
        attrs: facts.attributes.clone(),
    }
}

fn party(party: &model::Party) -> wit::Party {
    wit::Party {
        uri: party.uri.clone(),
        user: party.user.clone(),
        host: party.host.clone(),
        display: party.display.clone(),
        attrs: Vec::new(),
    }
}

fn attempt(attempt: &model::Attempt) -> wit_routing::Attempt {
    wit_routing::Attempt {
        address: match &attempt.target {
            model::TargetAddress::Aor(aor) => wit_routing::TargetAddress::Aor(aor.clone()),
            model::TargetAddress::Uri(uri) => wit_routing::TargetAddress::Uri(uri.clone()),
            model::TargetAddress::Trunk { trunk, number } => {
                wit_routing::TargetAddress::Trunk(wit_routing::TrunkNumber {
                    trunk: trunk.clone(),
                    number: number.clone(),
                })
            }
        },
        outcome: match attempt.outcome {
            model::AttemptOutcome::Busy => wit_routing::Outcome::Busy,
            model::AttemptOutcome::NoAnswer => wit_routing::Outcome::NoAnswer,
            model::AttemptOutcome::Rejected => wit_routing::Outcome::Rejected,
            model::AttemptOutcome::Unreachable => wit_routing::Outcome::Unreachable,
            model::AttemptOutcome::Redirected => wit_routing::Outcome::Redirected,
            model::AttemptOutcome::Failed => wit_routing::Outcome::Failed,
        },
        status: attempt.status,
        duration_ms: attempt.duration_ms,
        attrs: Vec::new(),
    }
}
