//! Questions that a stranger can bring about: whatever a caller, a callee or an alert can write, at its worst.
//!
//! Text reaches a guest as UTF-8 that the host has checked, so that there are no lone surrogates and no broken sequences among them.

use cordboard_model::escalation::{
    Contact, EscalationTrigger, IncidentFacts, PageAttempt, PageOutcome, Provider, Success, Timer,
};
use cordboard_model::formatting::{EventFacts, SinkFacts};
use cordboard_model::question::Attributes;
use cordboard_model::{
    Attempt, AttemptOutcome, AuthorizationSubject, CallFacts, CallId, EscalationQuestion, FormatQuestion,
    Party, PluginQuestion, ReferFacts, RouteQuestion, RouteReason, TargetAddress,
};

use crate::kind::Kind;

/// One way to be difficult.
struct Seed {
    name: &'static str,
    /// Every text of the question.
    text: String,
    /// Headers and attributes.
    pairs: Attributes,
    /// Entries of every list of records.
    count: usize,
    /// Every number.
    number: u64,
}

fn seeds() -> Vec<Seed> {
    let ordinary = || Seed { name: "", text: "1001".into(), pairs: Vec::new(), count: 1, number: 1 };
    let pairs =
        |count: usize, value: &str| (0..count).map(|n| (format!("X-Name-{n}"), value.to_owned())).collect();
    vec![
        Seed { name: "empty texts", text: String::new(), count: 0, number: 0, ..ordinary() },
        Seed { name: "200 headers", pairs: pairs(200, "a value of usual length"), ..ordinary() },
        Seed { name: "a value of 64 KiB", pairs: pairs(1, &"x".repeat(64 << 10)), ..ordinary() },
        Seed { name: "texts of 4 KiB", text: "9".repeat(4 << 10), ..ordinary() },
        Seed {
            name: "letters of many scripts",
            text: "電話 Ünïcödé ﷽ \u{202e}\u{1f4de}\u{0301}".into(),
            ..ordinary()
        },
        Seed { name: "control characters", text: "\0\u{1}\r\n\t\u{7f}\u{85}\u{2028}".into(), ..ordinary() },
        Seed { name: "quotes and brackets", text: r#""'`<>;,{}[]()%s%n../../\"@&|$"#.into(), ..ordinary() },
        Seed { name: "names without text", pairs: vec![(String::new(), String::new()); 50], ..ordinary() },
        Seed { name: "1,000 attributes", pairs: pairs(1_000, "v"), ..ordinary() },
        Seed { name: "200 entries in every list", count: 200, ..ordinary() },
        Seed { name: "the largest numbers", number: u64::MAX, ..ordinary() },
    ]
}

/// The hostile questions of a kind, each with a name.
pub(super) fn questions(kind: Kind) -> Vec<(String, PluginQuestion)> {
    let named = |seed: &Seed, what: &str, question| (format!("{what} with {}", seed.name), question);
    let of_seed = |seed: Seed| match kind {
        Kind::Routing => {
            let reasons =
                [RouteReason::New, RouteReason::Failed, RouteReason::Redirected, RouteReason::Refer];
            let asked = reasons.map(|reason| {
                named(&seed, &format!("a call ({reason:?})"), PluginQuestion::Routing(seed.routing(reason)))
            });
            asked.to_vec()
        }
        Kind::Authorization => {
            let refer = ReferFacts { call: seed.call(), refer_to: seed.text.clone(), replaces: true };
            let subjects = [
                ("a call", AuthorizationSubject::Call(seed.call())),
                ("a registration", AuthorizationSubject::Register(seed.call())),
                ("a transfer", AuthorizationSubject::Refer(refer)),
            ];
            subjects
                .map(|(what, subject)| named(&seed, what, PluginQuestion::Authorization(subject)))
                .to_vec()
        }
        Kind::Escalation => {
            vec![named(&seed, "an incident", PluginQuestion::Escalation(seed.escalation()))]
        }
        Kind::EventFormatting => {
            vec![named(&seed, "an event", PluginQuestion::EventFormatting(seed.formatting()))]
        }
    };
    seeds().into_iter().flat_map(of_seed).collect()
}

impl Seed {
    fn u32(&self) -> u32 {
        u32::try_from(self.number).unwrap_or(u32::MAX)
    }

    fn many<T: Clone>(&self, one: T) -> Vec<T> {
        vec![one; self.count]
    }

    fn call(&self) -> CallFacts {
        let party = Party {
            uri: self.text.clone(),
            user: self.text.clone(),
            host: self.text.clone(),
            display: Some(self.text.clone()),
        };
        CallFacts {
            call_id: CallId::from_bits(u128::MAX),
            sip_call_id: self.text.clone(),
            method: self.text.clone(),
            transport: "udp".into(),
            source: "192.0.2.7:5060".into(),
            caller: party.clone(),
            callee: party,
            trunk: Some(self.text.clone()),
            extension: None,
            authenticated_as: Some(self.text.clone()),
            headers: self.pairs.clone(),
            hop: self.u32(),
            now_ms: self.number,
            attributes: self.pairs.clone(),
        }
    }

    fn routing(&self, reason: RouteReason) -> RouteQuestion {
        let attempt = Attempt {
            target: TargetAddress::Uri(self.text.clone()),
            outcome: AttemptOutcome::Failed,
            status: u16::try_from(self.number).unwrap_or(u16::MAX),
            duration_ms: self.u32(),
        };
        RouteQuestion {
            call: self.call(),
            reason,
            attempts: self.many(attempt),
            redirects: self.many(self.text.clone()),
            referral: None,
        }
    }

    fn escalation(&self) -> EscalationQuestion {
        let contact = Contact {
            id: self.text.clone(),
            name: self.text.clone(),
            role: self.text.clone(),
            groups: vec![self.text.clone()],
            address: self.text.clone(),
            language: self.text.clone(),
            priority: self.u32(),
            attributes: self.pairs.clone(),
        };
        let attempt = PageAttempt {
            number: self.u32(),
            contact: self.text.clone(),
            provider: self.text.clone(),
            started_ms: self.number,
            ended_ms: Some(0),
            outcome: PageOutcome::Unknown,
            attributes: Vec::new(),
        };
        let provider = Provider {
            name: self.text.clone(),
            kind: self.text.clone(),
            healthy: false,
            attributes: Vec::new(),
        };
        let incident = IncidentFacts {
            id: self.text.clone(),
            severity: self.text.clone(),
            summary: self.text.clone(),
            text: self.text.clone(),
            opened_ms: self.number,
            contacts: self.many(contact),
            providers: self.many(provider),
            history: self.many(attempt),
            timers: self.many(Timer { name: self.text.clone(), due_ms: self.number }),
            success: Success::Acknowledged,
            attempts_left: self.u32(),
            memo: self.text.clone(),
            attributes: self.pairs.clone(),
        };
        let trigger = EscalationTrigger::AttemptEnded(self.u32());
        EscalationQuestion { incident, trigger, now_ms: self.number, attributes: self.pairs.clone() }
    }

    fn formatting(&self) -> FormatQuestion {
        let event = EventFacts {
            id: self.text.clone(),
            kind: self.text.clone(),
            schema: self.u32(),
            at_ms: self.number,
            call_id: None,
            incident_id: Some(self.text.clone()),
            extensions: self.many(self.text.clone()),
            json: serde_json::json!({"text": self.text, "pairs": self.pairs, "number": self.number})
                .to_string(),
            attributes: self.pairs.clone(),
        };
        let sink =
            SinkFacts { name: self.text.clone(), kind: self.text.clone(), attributes: self.pairs.clone() };
        FormatQuestion { event, sink, now_ms: self.number, attributes: self.pairs.clone() }
    }
}
