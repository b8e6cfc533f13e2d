//! An escalator that does what the summary of the incident says. Made without the SDK, as an author could who has only the WIT files.

#[cfg(target_family = "wasm")]
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit/1.0", world: "escalator", generate_all });
}

#[cfg(target_family = "wasm")]
mod guest {
    use crate::bindings::cordboard::plugin::types::Fault;
    use crate::bindings::cordboard::plugin::{config, log, lookup, metrics};
    use crate::bindings::exports::cordboard::plugin::{escalation, meta};
    use escalation::{Answer, Decision, Page, Question, Step, Wait};

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

    impl escalation::Guest for Exported {
        fn escalate(question: Question) -> Result<Answer, Fault> {
            let incident = &question.incident;
            let first = incident.contacts.first().map_or("nobody", |contact| contact.id.as_str());
            let decision = match incident.summary.as_str() {
                "trap" => panic!("as told"),
                "spin" => loop {
                    std::hint::black_box(&question);
                },
                "fault" => {
                    return Err(Fault {
                        code: "as-told".to_owned(),
                        message: "the test asked for it".to_owned(),
                        retryable: true,
                    });
                }
                "pass" => Decision::Pass,
                "idle" => Decision::Steps(Vec::new()),
                "stranger" => Decision::Steps(vec![Step::Page(page("a stranger"))]),
                "carrier" => {
                    let by_stranger = Page { providers: vec!["a stranger".to_owned()], ..page(first) };
                    Decision::Steps(vec![Step::Page(by_stranger)])
                }
                "digit" => {
                    let odd = Page { acknowledge_digit: "one".to_owned(), ..page(first) };
                    Decision::Steps(vec![Step::Page(odd)])
                }
                "everybody" => {
                    let everybody = incident.contacts.iter().map(|contact| Step::Page(page(&contact.id)));
                    Decision::Steps(everybody.collect())
                }
                "host" => Decision::Steps(vec![Step::Close(ask_the_host(question.now_ms))]),
                _ => {
                    let wait = Wait { timer: "next".to_owned(), after_ms: 15_000 };
                    Decision::Steps(vec![Step::Page(page(first)), Step::Wait(wait)])
                }
            };
            let memo = format!("{}+", incident.memo);
            Ok(Answer { decision, memo, why: "as told".to_owned(), attrs: Vec::new() })
        }
    }

    fn page(contact: &str) -> Page {
        Page {
            contact: contact.to_owned(),
            providers: Vec::new(),
            say: None,
            repeat: 0,
            acknowledge_digit: String::new(),
            answer_timeout_ms: 0,
            attrs: Vec::new(),
        }
    }

    /// Uses every import that an escalator has.
    fn ask_the_host(now_ms: u64) -> String {
        log::emit(log::Level::Info, "asked", &[("now".to_owned(), now_ms.to_string())]);
        metrics::add("asked", &[], 1.0);
        let entry = lookup::longest_prefix("shifts", "monday-morning");
        let exact = lookup::get("shifts", "monday");
        format!("{} {entry:?} {exact:?}", config::get())
    }

    crate::bindings::export!(Exported with_types_in crate::bindings);
}
