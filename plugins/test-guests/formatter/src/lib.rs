//! A formatter that does what the kind of the event says. Made without the SDK, as an author could who has only the WIT files.

#[cfg(target_family = "wasm")]
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit/1.0", world: "formatter", generate_all });
}

#[cfg(target_family = "wasm")]
mod guest {
    use crate::bindings::cordboard::plugin::http;
    use crate::bindings::cordboard::plugin::types::Fault;
    use crate::bindings::exports::cordboard::plugin::{event_formatting, meta};
    use event_formatting::{Answer, Decision, Message, Question};

    struct Exported;

    impl meta::Guest for Exported {
        fn describe() -> meta::Info {
            meta::Info {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                summary: env!("CARGO_PKG_DESCRIPTION").to_owned(),
                config_schema: String::new(),
                tables: Vec::new(),
                attrs: Vec::new(),
            }
        }

        fn check_config(_json: String) -> Result<(), Vec<meta::Problem>> {
            Ok(())
        }
    }

    impl event_formatting::Guest for Exported {
        fn format(question: Question) -> Result<Answer, Fault> {
            let event = &question.event;
            let decision = match event.kind.as_str() {
                "trap" => panic!("as told"),
                "drop" => Decision::Drop,
                "pass" => Decision::Pass,
                "nothing" => Decision::Deliver(Vec::new()),
                "many" => Decision::Deliver(vec![message("{}"); 17]),
                "large" => Decision::Deliver(vec![message(&"x".repeat((256 << 10) + 1))]),
                "header" => Decision::Deliver(vec![with_header("Authorization", "Bearer forged")]),
                "mark" => Decision::Deliver(vec![with_header("X-Cordboard-Format-Error", "forged")]),
                "line" => Decision::Deliver(vec![with_header("X-Line", "1\r\nX-Other: 2")]),
                kind if kind.starts_with("http") => Decision::Deliver(vec![message(&fetch(kind))]),
                _ => {
                    let body = format!("{{\"to\":{:?},\"event\":{}}}", question.sink.name, event.json);
                    Decision::Deliver(vec![Message {
                        headers: vec![("X-Kind".to_owned(), event.kind.clone())],
                        ..message(&body)
                    }])
                }
            };
            Ok(Answer { decision, why: "as told".to_owned(), attrs: Vec::new() })
        }
    }

    fn message(body: &str) -> Message {
        Message {
            content_type: "application/json".to_owned(),
            body: body.as_bytes().to_vec(),
            headers: Vec::new(),
            attrs: Vec::new(),
        }
    }

    fn with_header(name: &str, value: &str) -> Message {
        Message { headers: vec![(name.to_owned(), value.to_owned())], ..message("{}") }
    }

    /// What comes of a request to a URL.
    fn fetch(url: &str) -> String {
        let request = http::Request {
            method: "GET".to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: 1_000,
        };
        match http::send(&request) {
            Ok(response) => format!("{} {}", response.status, String::from_utf8_lossy(&response.body)),
            Err(failure) => format!("{failure:?}"),
        }
    }

    crate::bindings::export!(Exported with_types_in crate::bindings);
}
