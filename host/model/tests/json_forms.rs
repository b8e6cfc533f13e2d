//! The JSON of questions and decisions, which samples and the decision journal hold for years, as golden files. `UPDATE_GOLDEN=1`
//! rewrites them, and the difference is read like code: a name that changes makes unreadable what was written before.

use std::path::Path;
use std::time::Duration;

use cordboard_model::escalation::{
    Contact, EscalationStep, EscalationTrigger, IncidentFacts, Intervention, Page, PageAttempt, PageOutcome,
    Provider, Success, Timer, Wait,
};
use cordboard_model::formatting::{EventFacts, Message, SinkFacts};
use cordboard_model::{
    Attempt, AttemptOutcome, AuthorizationSubject, CallFacts, CallId, CallerIdentity, Challenge, Credential,
    Dial, DigestAlgorithm, EscalationDecision, EscalationQuestion, FormatDecision, FormatQuestion, Party,
    PluginDecision, PluginQuestion, ReferFacts, Referral, Referrer, Rejection, RouteDecision, RouteQuestion,
    RouteReason, Secret, Srtp, Strategy, Target, TargetAddress, Verdict,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Writes a value, compares it with the golden file, and reads the golden file back.
fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(name: &str, value: &T) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/json/{name}.json"));
    let written = format!("{}\n", serde_json::to_string_pretty(value).expect("it serialises"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &written).expect("the golden file is written");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, golden, "{name} differs; if the new text is right, run again with UPDATE_GOLDEN=1");
    let read: T = serde_json::from_str(&golden).expect("the golden file is read");
    assert_eq!(&read, value, "{name} means the same when it is read");
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn party(user: &str) -> Party {
    Party {
        uri: format!("sip:{user}@pbx.example"),
        user: user.into(),
        host: "pbx.example".into(),
        display: Some("A Name".into()),
    }
}

fn call() -> CallFacts {
    CallFacts {
        call_id: CallId::from_bits(0x2a),
        sip_call_id: "2a@192.0.2.7".into(),
        method: "INVITE".into(),
        transport: "udp".into(),
        source: "192.0.2.7:5060".into(),
        caller: party("1003"),
        callee: party("1001"),
        trunk: None,
        extension: Some("1001".into()),
        authenticated_as: None,
        headers: pairs(&[("Subject", "test"), ("X-Twice", "1"), ("X-Twice", "2")]),
        hop: 70,
        now_ms: 1_700_000_000_000,
        attributes: pairs(&[("acme:class", "gold")]),
    }
}

fn rejection() -> Rejection {
    Rejection { status: 486, reason: "Busy".into(), retry_after_s: Some(5) }
}

fn trunk() -> TargetAddress {
    TargetAddress::Trunk { trunk: "carrier".into(), number: "+4930123".into() }
}

#[test]
fn routing_question() {
    let attempt = |target: TargetAddress| Attempt {
        target,
        outcome: AttemptOutcome::NoAnswer,
        status: 408,
        duration_ms: 30_000,
    };
    let question = RouteQuestion {
        call: call(),
        reason: RouteReason::Failed,
        attempts: vec![
            attempt(TargetAddress::Aor("1001".into())),
            attempt(TargetAddress::Uri("sip:1001@other.example".into())),
            attempt(trunk()),
        ],
        redirects: vec!["sip:1005@pbx.example".into()],
        referral: Some(Referral {
            by: Referrer::Callee,
            refer_to: "sip:1006@pbx.example".into(),
            replaces: true,
        }),
    };
    check("routing_question", &PluginQuestion::Routing(question));
}

#[test]
fn routing_decisions() {
    let wishes = Target {
        address: trunk(),
        ring_timeout: Some(Duration::from_secs(20)),
        caller: Some(CallerIdentity {
            user: "100".into(),
            display: None,
            host: Some("firm.example".into()),
            anonymous: true,
        }),
        headers: pairs(&[("X-Queue", "sales")]),
        remove_headers: vec!["Subject".into()],
        srtp: Srtp::Preferred,
    };
    let targets = vec![Target::at(TargetAddress::Aor("1001".into())), wishes];
    let decisions = [
        RouteDecision::Dial(Dial { targets, strategy: Strategy::Sequential }),
        RouteDecision::Reject(rejection()),
        RouteDecision::Redirect(vec!["sip:1001@other.example".into()]),
    ];
    check("routing_decisions", &decisions.map(PluginDecision::Routing).to_vec());
}

#[test]
fn authorization_questions() {
    let refer = ReferFacts { call: call(), refer_to: "sip:1006@pbx.example".into(), replaces: false };
    let subjects = [
        AuthorizationSubject::Call(call()),
        AuthorizationSubject::Register(call()),
        AuthorizationSubject::Refer(refer),
    ];
    check("authorization_questions", &subjects.map(PluginQuestion::Authorization).to_vec());
}

fn challenge(credential: Credential) -> Verdict {
    Verdict::Challenge(Challenge { realm: "pbx".into(), user: "1001".into(), credential })
}

#[test]
fn authorization_decisions() {
    let verdicts = [
        Verdict::Allow { attributes: pairs(&[("acme:class", "gold")]) },
        challenge(Credential::Secret("phones".into())),
        Verdict::Deny(rejection()),
    ];
    check("authorization_decisions", &verdicts.map(PluginDecision::Authorization).to_vec());
}

#[test]
fn the_hash_of_a_password_is_not_written() {
    let hashes = vec![
        (DigestAlgorithm::Sha512_256, Secret::new("5e7e7".to_owned())),
        (DigestAlgorithm::Md5, Secret::new("5e7e7".to_owned())),
    ];
    let json = serde_json::to_string(&challenge(Credential::Ha1(hashes))).expect("it serialises");
    assert!(!json.contains("5e7e7"), "{json}");
    assert!(json.contains(r#"{"algorithm":"sha512-256","hash":"<secret>"}"#), "{json}");
}

#[test]
fn escalation_question() {
    let contact = Contact {
        id: "anna".into(),
        name: "Anna".into(),
        role: "primary".into(),
        groups: vec!["operations".into()],
        address: "+82100000001".into(),
        language: "ko-KR".into(),
        priority: 1,
        attributes: pairs(&[("acme:zone", "Asia/Seoul")]),
    };
    let attempt = PageAttempt {
        number: 1,
        contact: "anna".into(),
        provider: "carrier".into(),
        started_ms: 1_700_000_000_000,
        ended_ms: Some(1_700_000_015_000),
        outcome: PageOutcome::NoAnswer,
        attributes: Vec::new(),
    };
    let incident = IncidentFacts {
        id: "47".into(),
        severity: "critical".into(),
        summary: "The database is down".into(),
        text: "The database of the shop is down".into(),
        opened_ms: 1_700_000_000_000,
        contacts: vec![contact],
        providers: vec![Provider {
            name: "carrier".into(),
            kind: "sip".into(),
            healthy: true,
            attributes: Vec::new(),
        }],
        history: vec![attempt],
        timers: vec![Timer { name: "next".into(), due_ms: 1_700_000_020_000 }],
        success: Success::Acknowledged,
        attempts_left: 3,
        memo: "step 1".into(),
        attributes: Vec::new(),
    };
    let triggers = [
        EscalationTrigger::Opened,
        EscalationTrigger::AttemptEnded(1),
        EscalationTrigger::Timer("next".into()),
        EscalationTrigger::Repeated,
        EscalationTrigger::Intervention(Intervention {
            action: "retry".into(),
            by: "admin".into(),
            note: String::new(),
        }),
        EscalationTrigger::Resumed,
    ];
    check("escalation_triggers", &triggers.to_vec());
    let trigger = EscalationTrigger::AttemptEnded(1);
    let question =
        EscalationQuestion { incident, trigger, now_ms: 1_700_000_015_001, attributes: Vec::new() };
    check("escalation_question", &PluginQuestion::Escalation(question));
}

#[test]
fn escalation_decision() {
    let steps = vec![
        EscalationStep::Page(Page { say: Some("Wake up".into()), ..Page::to("ben") }),
        EscalationStep::Wait(Wait { timer: "next".into(), after_ms: 5_000 }),
        EscalationStep::Cancel(1),
        EscalationStep::Clear("old".into()),
        EscalationStep::Close("handled".into()),
        EscalationStep::GiveUp("nobody is left".into()),
    ];
    let decision = EscalationDecision { steps, memo: "step 2".into() };
    check("escalation_decision", &PluginDecision::Escalation(decision));
}

#[test]
fn formatting_question_and_decisions() {
    let event = EventFacts {
        id: "01".into(),
        kind: "call_ended".into(),
        schema: 1,
        at_ms: 1_700_000_000_000,
        call_id: Some(CallId::from_bits(0x2a)),
        incident_id: None,
        extensions: vec!["1001".into()],
        json: r#"{"kind":"call_ended"}"#.into(),
        attributes: Vec::new(),
    };
    let sink = SinkFacts { name: "crm".into(), kind: "webhook".into(), attributes: Vec::new() };
    let question = FormatQuestion { event, sink, now_ms: 1_700_000_000_001, attributes: Vec::new() };
    check("formatting_question", &PluginQuestion::EventFormatting(question));

    let message = |body: &[u8]| Message {
        content_type: "application/json".into(),
        body: body.to_vec(),
        headers: pairs(&[("X-Kind", "call_ended")]),
        attributes: Vec::new(),
    };
    let decisions = [
        FormatDecision::Deliver(vec![message(b"{\"ended\":true}"), message(&[0xff, 0x00])]),
        FormatDecision::Drop,
    ];
    check("formatting_decisions", &decisions.map(PluginDecision::EventFormatting).to_vec());
}
