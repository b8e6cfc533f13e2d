//! From what was decided to what is kept.

use cordboard_model::{AuthorizationSubject, CallId, RouteDecision, RouteQuestion, Verdict};
use cordboard_plugin::{Decided, DecidedBy, Identity, Kind, LookedUp, Step, StepOutcome};
use cordboard_store::{Asked, Decision, Outcome, PluginVersion, Record};
use serde::Serialize;

use super::Mask;

/// A question with its decision, as they were handed over.
#[derive(Debug)]
pub(crate) enum Taken {
    /// Where a call goes.
    Route(Box<(RouteQuestion, Decided<RouteDecision>)>),
    /// Whether something may happen.
    Authorize(Box<(AuthorizationSubject, Decided<Verdict>)>),
}

impl Taken {
    /// What is kept of it.
    pub(super) fn into_record(self, mask: &Mask) -> Record {
        let decision = match self {
            Self::Route(taken) => {
                let (mut question, mut decided) = *taken;
                mask.question(&mut question);
                mask.decision(&mut decided.answer);
                let (call_id, at_ms) = (question.call.call_id, question.call.now_ms);
                decision(Kind::Routing, call_id, at_ms, &question, decided, mask)
            }
            Self::Authorize(taken) => {
                let (mut subject, mut decided) = *taken;
                mask.subject(&mut subject);
                mask.verdict(&mut decided.answer);
                let (call_id, at_ms) = (subject.facts().call_id, subject.facts().now_ms);
                decision(Kind::Authorization, call_id, at_ms, &subject, decided, mask)
            }
        };
        Record::Decision(Box::new(decision))
    }
}

fn decision<T: Serialize>(
    kind: Kind,
    call_id: CallId,
    at_ms: u64,
    question: &impl Serialize,
    decided: Decided<T>,
    mask: &Mask,
) -> Decision {
    let trace: Vec<Asked> = decided.trace.into_iter().map(|step| asked(step, mask)).collect();
    let by = by(&decided.by);
    let why = match &by {
        cordboard_store::DecidedBy::Plugin(_) => trace.last().map(|step| step.why.clone()),
        cordboard_store::DecidedBy::StaticTable | cordboard_store::DecidedBy::Fallback => None,
    };
    Decision {
        at_ms,
        call_id: Some(call_id),
        kind: kind.as_str().to_owned(),
        question: to_json(question),
        answer: to_json(&decided.answer),
        by,
        why: why.unwrap_or_default(),
        elapsed_us: micros(decided.elapsed),
        trace,
        personal_data: mask.personal_data(),
    }
}

fn by(by: &DecidedBy) -> cordboard_store::DecidedBy {
    match by {
        DecidedBy::Plugin(identity) => cordboard_store::DecidedBy::Plugin(version(identity)),
        DecidedBy::StaticTable => cordboard_store::DecidedBy::StaticTable,
        DecidedBy::Fallback => cordboard_store::DecidedBy::Fallback,
    }
}

fn version(identity: &Identity) -> PluginVersion {
    PluginVersion {
        name: identity.name.clone(),
        version: identity.version.clone(),
        generation: identity.generation,
        digest: identity.digest.clone(),
        config_digest: identity.config_digest.clone(),
    }
}

fn asked(mut step: Step, mask: &Mask) -> Asked {
    mask.free_text(&mut step.why);
    mask.outcome(&mut step.outcome);
    Asked {
        plugin: step.plugin,
        outcome: match step.outcome {
            StepOutcome::Answered => Outcome::Answered,
            StepOutcome::Passed => Outcome::Passed,
            StepOutcome::Failed(failure) => {
                Outcome::Failed { reason: failure.reason.as_str().to_owned(), message: failure.message }
            }
        },
        why: step.why,
        elapsed_us: micros(step.elapsed),
        lookups: step.lookups.into_iter().map(|look| looked_up(look, mask)).collect(),
    }
}

/// Keys and values are numbers and addresses, for all that is known.
fn looked_up(mut look: LookedUp, mask: &Mask) -> cordboard_store::LookedUp {
    mask.text(&mut look.key);
    if let Some((key, value)) = &mut look.found {
        mask.text(key);
        mask.text(value);
    }
    let LookedUp { table, key, longest_prefix, found } = look;
    cordboard_store::LookedUp { table, key, longest_prefix, found }
}

fn micros(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("questions and decisions are always JSON")
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use cordboard_model::{CallFacts, Dial, Party, RouteReason, Strategy, Target, TargetAddress};
    use cordboard_plugin::{Failure, FailureReason};
    use serde_json::json;

    use super::*;

    pub(in crate::journal) fn question(from: &str, to: &str) -> RouteQuestion {
        let party = |user: &str| Party {
            uri: format!("sip:{user}@pbx.example"),
            user: user.into(),
            host: "pbx.example".into(),
            display: Some("Alice".into()),
        };
        let call = CallFacts {
            call_id: CallId::from_bits(42),
            sip_call_id: "42@192.0.2.7".into(),
            method: "INVITE".into(),
            transport: "udp".into(),
            source: "192.0.2.7:5060".into(),
            caller: party(from),
            callee: party(to),
            trunk: None,
            extension: Some(to.into()),
            authenticated_as: Some(from.into()),
            headers: vec![("Subject".into(), "secret words".into())],
            hop: 70,
            now_ms: 1_700_000_000_000,
            attributes: Vec::new(),
        };
        RouteQuestion {
            call,
            reason: RouteReason::New,
            attempts: Vec::new(),
            redirects: Vec::new(),
            referral: None,
        }
    }

    pub(in crate::journal) fn dial(user: &str) -> RouteDecision {
        let targets = vec![Target::at(TargetAddress::Aor(user.into()))];
        RouteDecision::Dial(Dial { targets, strategy: Strategy::Parallel })
    }

    fn decided() -> Decided<RouteDecision> {
        let identity = Identity {
            name: "router".into(),
            plugin: "route-by-extension".into(),
            version: "1.0.0".into(),
            generation: 3,
            digest: "ab".into(),
            config_digest: "cd".into(),
        };
        let step = |outcome, why: &str| Step {
            plugin: "router".into(),
            identity: None,
            outcome,
            why: why.into(),
            lookups: vec![LookedUp {
                table: "registrations".into(),
                key: "1001".into(),
                longest_prefix: false,
                found: Some(("1001".into(), "sip:1001@192.0.2.7".into())),
            }],
            elapsed: Duration::from_micros(30),
        };
        let failure = Failure { reason: FailureReason::Trap, message: "at 1001".into() };
        Decided {
            answer: dial("1001"),
            by: DecidedBy::Plugin(Arc::new(identity)),
            elapsed: Duration::from_micros(70),
            trace: vec![
                step(StepOutcome::Failed(failure), ""),
                step(StepOutcome::Answered, "1001 is registered"),
            ],
        }
    }

    fn record(mask: &Mask) -> Decision {
        let taken = Taken::Route(Box::new((question("1003", "1001"), decided())));
        let Record::Decision(decision) = taken.into_record(mask) else { panic!("it is a decision") };
        *decision
    }

    #[test]
    fn a_decision_is_kept_with_everything_that_led_to_it() {
        let exported = serde_json::to_value(record(&Mask::keep())).expect("it is JSON");
        let mut expected = serde_json::to_value(question("1003", "1001")).expect("it is JSON");
        assert_eq!(exported["input"], expected, "in the form that samples have");
        expected = serde_json::to_value(dial("1001")).expect("it is JSON");
        assert_eq!(exported["decision"], expected);
        assert_eq!(exported["by"]["plugin"]["digest"], json!("ab"));
        assert_eq!(exported["why"], json!("1001 is registered"));
        assert_eq!(exported["elapsed-us"], json!(70));
        assert_eq!(
            exported["trace"][0]["outcome"],
            json!({"failed": {"reason": "trap", "message": "at 1001"}})
        );
        assert_eq!(exported["trace"][1]["outcome"], json!("answered"));
        assert_eq!(exported["trace"][1]["lookups"][0]["found"], json!(["1001", "sip:1001@192.0.2.7"]));
    }

    #[test]
    fn a_hidden_decision_names_nobody() {
        for mask in [Mask::hash([1; 32]), Mask::drop()] {
            let exported = serde_json::to_string(&record(&mask)).expect("it is JSON");
            for personal in ["1001", "1003", "Alice", "192.0.2.7", "secret words"] {
                assert!(!exported.contains(personal), "{personal} in {exported}");
            }
        }
    }
}
