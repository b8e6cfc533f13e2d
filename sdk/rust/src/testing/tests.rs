use serde_json::json;

use super::*;
use crate::escalation::{self, Outcome, Step};
use crate::{Decision, Formatted, Info, Message, Play, Prompt, Target};

#[derive(serde::Deserialize)]
struct Config {}

/// Decides everything, as simply as can be.
struct Everything;

impl Plugin for Everything {
    type Config = Config;

    fn info() -> Info {
        Info::new("1.0.0", "everything", "Decides everything")
    }
}

impl Router for Everything {
    fn route(_: &Config, question: &Question, _: &dyn Host) -> Result<RouteAnswer, Fault> {
        if question.attempts.is_empty() {
            return Ok(RouteAnswer::dial([Target::aor(&question.call.callee.user)], "as dialled"));
        }
        Ok(RouteAnswer::play(Play::new([Prompt::say("Nobody is there")]).early(), "nobody answered"))
    }
}

impl Authorizer for Everything {
    fn authorize(_: &Config, _: &Subject, host: &dyn WebHost) -> Result<AuthorizerAnswer, Fault> {
        let asked = host.send(&HttpRequest::get("https://directory.example/may-call"));
        Ok(match asked {
            Ok(response) if response.status == 200 => AuthorizerAnswer::allow("the directory knows them"),
            Ok(_) => AuthorizerAnswer::deny(403, "the directory does not know them"),
            Err(failure) => return Err(Fault::new("directory", failure.to_string())),
        })
    }
}

impl Escalator for Everything {
    fn escalate(_: &Config, question: &EscalationQuestion, _: &dyn Host) -> Result<EscalationAnswer, Fault> {
        let incident = &question.incident;
        let next = incident.contacts.iter().find(|contact| incident.attempts_to(&contact.id) == 0);
        Ok(match next {
            Some(contact) => EscalationAnswer::steps([Step::page(&contact.id)], "the next one").memo("more"),
            None => EscalationAnswer::steps([Step::GiveUp("nobody is left".to_owned())], "nobody is left"),
        })
    }
}

impl Formatter for Everything {
    fn format(_: &Config, question: &FormatQuestion, _: &dyn WebHost) -> Result<FormatAnswer, Fault> {
        let body = json!({"to": question.sink.name, "what": question.event.canonical()?["cause"]});
        let message = Message::json(&body).header("X-Kind", &question.event.kind);
        Ok(FormatAnswer::deliver([message], "everybody wants everything"))
    }
}

#[test]
fn the_longest_prefix_wins() {
    let host = TestHost::default().entry("did", "82", "korea").entry("did", "822", "seoul");
    assert_eq!(host.longest_prefix("did", "8225550100"), Some(("822".to_owned(), "seoul".to_owned())));
    assert_eq!(host.longest_prefix("did", "49"), None);
    assert_eq!(host.longest_prefix("other", "822"), None);
}

#[test]
fn a_router_is_asked_again_with_what_was_tried() {
    let first = question(call("1001", "1002"));
    let answer = route::<Everything>(&json!({}), &first, &TestHost::default()).expect("a decision");
    let Decision::Dial(dial) = answer.decision else { panic!("not dialled: {answer:?}") };
    let tried = attempt(dial.targets[0].address.clone(), crate::Outcome::NoAnswer, 408);
    let again = question_after(call("1001", "1002"), [tried]);
    let answer = route::<Everything>(&json!({}), &again, &TestHost::default()).expect("a decision");
    assert!(matches!(answer.decision, Decision::Play(play) if play.early && play.prompts.len() == 1));
}

#[test]
fn an_authorizer_asks_only_servers_that_the_test_allows() {
    let subject = Subject::Call(call("1001", "1002"));
    let host = TestHost::default();
    let refused = authorize::<Everything>(&json!({}), &subject, &host).expect_err("nothing is allowed");
    assert_eq!(refused.code, "directory");
    assert_eq!(host.sent()[0].method, "GET");
    for (status, allowed) in [(200, true), (404, false)] {
        let host = TestHost::default().responding("https://directory.example/may-call", status, "");
        let answer = authorize::<Everything>(&json!({}), &subject, &host).expect("a verdict");
        assert_eq!(matches!(answer.verdict, crate::Verdict::Allow(_)), allowed, "{status}");
    }
}

#[test]
fn an_escalator_calls_one_contact_after_the_other() {
    let opened = incident(&["ada", "ben"]);
    let ask = |question: &EscalationQuestion| {
        escalate::<Everything>(&json!({}), question, &TestHost::default()).expect("steps").decision
    };
    let steps = |steps: Vec<Step>| escalation::Decision::Steps(steps);
    assert_eq!(ask(&opened), steps(vec![Step::page("ada")]));
    let after = incident_after(opened, "ada", Outcome::NoAnswer);
    assert_eq!(ask(&after), steps(vec![Step::page("ben")]));
    let after = incident_after(after, "ben", Outcome::Busy);
    assert_eq!(after.incident.history[1].number, 2);
    assert_eq!(ask(&after), steps(vec![Step::GiveUp("nobody is left".to_owned())]));
}

#[test]
fn a_formatter_makes_a_message_of_the_canonical_json() {
    let event = event("call-ended", &json!({"cause": "hung-up"}));
    let made = format::<Everything>(&json!({}), &event, &TestHost::default()).expect("an answer");
    let Formatted::Deliver(messages) = made.decision else { panic!("no message: {made:?}") };
    let body: Value = serde_json::from_slice(&messages[0].body).expect("JSON");
    assert_eq!(body, json!({"to": "webhook", "what": "hung-up"}));
    assert_eq!(messages[0].headers, [("X-Kind".to_owned(), "call-ended".to_owned())]);
}
