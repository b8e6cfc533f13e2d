//! Completes the question of a sample: what it leaves out has the values of an ordinary question, and a name that no question has is
//! a mistake that is told with its place.

use cordboard_model::{Extension, PluginQuestion};
use serde_json::{Map, Value, json};

use crate::kind::Kind;

/// Midnight of a day in 2023: samples mean the same whenever they are asked.
const NOW_MS: u64 = 1_700_006_400_000;

/// The question that an input stands for.
///
/// # Errors
/// What was expected, and where something else was found.
pub(super) fn complete(kind: Kind, input: &Value) -> Result<PluginQuestion, String> {
    let mut whole = match kind {
        Kind::Routing => fill("", &routing(), input)?,
        Kind::Authorization => authorization(input)?,
        Kind::Escalation => fill("", &escalation(), input)?,
        Kind::EventFormatting => fill("", &formatting(), input)?,
    };
    settle(&mut whole);
    serde_json::from_value(json!({"kind": kind.as_str(), "input": whole})).map_err(|error| error.to_string())
}

/// Merges an input into the shape of a question. A list with one entry is the shape of every entry, and empty when it is left out.
fn fill(place: &str, shape: &Value, input: &Value) -> Result<Value, String> {
    match (shape, input) {
        (Value::Object(fields), Value::Object(given)) => {
            if let Some(unknown) = given.keys().find(|name| !fields.contains_key(*name)) {
                let known: Vec<&str> = fields.keys().map(String::as_str).collect();
                return Err(format!("expected {} in {place:?}, found {unknown:?}", known.join(", ")));
            }
            let mut whole = Map::new();
            for (name, shape) in fields {
                let inner = format!("{place}/{name}");
                let value = match given.get(name) {
                    Some(given) => fill(&inner, shape, given)?,
                    None => default(shape),
                };
                whole.insert(name.clone(), value);
            }
            Ok(Value::Object(whole))
        }
        (Value::Array(shape), Value::Array(given)) => {
            let Some(entry) = shape.first() else { return Ok(Value::Array(given.clone())) };
            let filled = given.iter().enumerate();
            let filled = filled.map(|(index, given)| fill(&format!("{place}/{index}"), entry, given));
            Ok(Value::Array(filled.collect::<Result<_, _>>()?))
        }
        (_, given) => Ok(given.clone()),
    }
}

fn default(shape: &Value) -> Value {
    match shape {
        Value::Array(_) => json!([]),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, shape)| (name.clone(), default(shape))).collect())
        }
        value => value.clone(),
    }
}

/// Fills in what follows from what is there: URIs of parties, and the extension by the one rule for it.
fn settle(question: &mut Value) {
    if let Some(json) = question.pointer_mut("/event/json")
        && json.is_object()
    {
        *json = Value::String(json.to_string());
    }
    let subjects = ["/call", "/register", "/refer/call"];
    for place in subjects {
        let Some(call) = question.pointer_mut(place).filter(|call| call.get("callee").is_some()) else {
            continue;
        };
        for side in ["caller", "callee"] {
            let Some(party) = call.get_mut(side) else { continue };
            let part = |name: &str| party.get(name).and_then(Value::as_str).unwrap_or_default();
            if part("uri").is_empty() {
                party["uri"] = json!(format!("sip:{}@{}", part("user"), part("host")));
            }
        }
        if call["extension"] == json!(BY_RULE) {
            let user = call.pointer("/callee/user").and_then(Value::as_str).unwrap_or_default();
            call["extension"] =
                json!(Extension::from_user(user).map(|extension| extension.as_str().to_owned()));
        }
    }
}

/// Stands for an extension that was left out; no extension has such a character.
const BY_RULE: &str = "<by rule>";

fn call(method: &str) -> Value {
    let party = json!({"uri": "", "user": "", "host": "pbx.example", "display": null});
    json!({
        "id": "0000000000000000000000000000002a", "sip-call-id": "2a@192.0.2.7", "method": method,
        "transport": "udp", "source": "192.0.2.7:5060", "caller": party, "callee": party, "trunk": null,
        "extension": BY_RULE, "authenticated-as": null, "headers": [], "hop": 70, "now-ms": NOW_MS, "attrs": [],
    })
}

fn routing() -> Value {
    let attempt = json!({"address": null, "outcome": "no-answer", "status": 408, "duration-ms": 1_000});
    json!({
        "call": call("INVITE"), "reason": "new", "attempts": [attempt], "redirects": [], "referral": null,
    })
}

/// The subject is the one key of the input.
fn authorization(input: &Value) -> Result<Value, String> {
    let shape = json!({
        "call": call("INVITE"), "register": call("REGISTER"),
        "refer": {"call": call("REFER"), "refer-to": "", "replaces": false},
    });
    let subject =
        input.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.iter().next());
    let Some((name, given)) = subject else {
        return Err("expected one of call, register, refer".to_owned());
    };
    let Some(shape) = shape.get(name) else {
        return Err(format!("expected one of call, register, refer, found {name:?}"));
    };
    Ok(json!({name.clone(): fill(&format!("/{name}"), shape, given)?}))
}

fn escalation() -> Value {
    let contact = json!({
        "id": "", "name": "", "role": "", "groups": [], "address": "", "language": "", "priority": 0, "attrs": [],
    });
    let provider = json!({"name": "", "kind": "simulated", "healthy": true, "attrs": []});
    let attempt = json!({
        "number": 1, "contact": "", "provider": "", "started-ms": NOW_MS, "ended-ms": null, "outcome": "placed",
        "attrs": [],
    });
    let timer = json!({"name": "", "due-ms": NOW_MS});
    let incident = json!({
        "id": "1", "severity": "critical", "summary": "", "text": "", "opened-ms": NOW_MS, "contacts": [contact],
        "providers": [provider], "history": [attempt], "timers": [timer], "success": "acknowledged",
        "attempts-left": 4, "memo": "", "attrs": [],
    });
    json!({"incident": incident, "trigger": "opened", "now-ms": NOW_MS, "attrs": []})
}

fn formatting() -> Value {
    let event = json!({
        "id": "1", "kind": "", "schema": 1, "at-ms": NOW_MS, "call-id": null, "incident-id": null,
        "extensions": [], "json": "{}", "attrs": [],
    });
    let sink = json!({"name": "", "kind": "webhook", "attrs": []});
    json!({"event": event, "sink": sink, "now-ms": NOW_MS, "attrs": []})
}

#[cfg(test)]
mod tests {
    use cordboard_model::AuthorizationSubject;

    use super::*;

    #[test]
    fn an_input_without_anything_is_a_question_of_each_kind() {
        for kind in [Kind::Routing, Kind::Escalation, Kind::EventFormatting] {
            let completed = complete(kind, &json!({}));
            assert!(completed.is_ok(), "{kind}: {completed:?}");
        }
        for subject in ["call", "register", "refer"] {
            let completed = complete(Kind::Authorization, &json!({subject: {}}));
            assert!(completed.is_ok(), "{subject}: {completed:?}");
        }
    }

    #[test]
    fn the_extension_and_the_uri_follow_from_the_user() {
        let input = json!({"register": {"callee": {"user": "1-0.04"}}});
        let Ok(PluginQuestion::Authorization(AuthorizationSubject::Register(call))) =
            complete(Kind::Authorization, &input)
        else {
            panic!("it is a registration")
        };
        assert_eq!(call.extension.as_deref(), Some("1004"));
        assert_eq!((call.callee.uri.as_str(), call.method.as_str()), ("sip:1-0.04@pbx.example", "REGISTER"));
    }

    #[test]
    fn a_name_that_no_question_has_is_told_with_its_place() {
        for (kind, input, place) in [
            (Kind::Routing, json!({"call": {"calee": {}}}), "\"/call\", found \"calee\""),
            (Kind::Authorization, json!({"invite": {}}), "found \"invite\""),
            (Kind::Authorization, json!({}), "expected one of call, register, refer"),
            (Kind::Escalation, json!({"incident": {"contacts": [{"nam": ""}]}}), "\"/incident/contacts/0\""),
            (Kind::Escalation, json!({"trigger": "exploded"}), "exploded"),
            (Kind::Routing, json!({"attempts": [{}]}), "address"),
        ] {
            let problem = complete(kind, &input).expect_err("it is a mistake");
            assert!(problem.contains(place) || place == "address", "{problem}");
        }
    }
}
