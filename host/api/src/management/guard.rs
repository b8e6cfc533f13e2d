//! Who may use the management interface: whoever has the key, or, where there is none, whoever is on this machine.
//!
//! The second needs care: a web page that somebody on this machine looks at is not somebody on this machine. Browsers say so in
//! `Origin` and `Sec-Fetch-Site`, and a page that points its own name at 127.0.0.1 (DNS rebinding) shows it in `Host`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST, HeaderValue, ORIGIN, WWW_AUTHENTICATE};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use cordboard_model::Secret;
use subtle::ConstantTimeEq as _;

use super::problem::Problem;

type Key = Option<Secret<String>>;

pub(super) fn before(routes: Router, key: Key) -> Router {
    routes.layer(from_fn_with_state(Arc::new(key), check))
}

async fn check(State(key): State<Arc<Key>>, request: Request, next: Next) -> Response {
    let outcome = match key.as_ref() {
        Some(key) => has_key(request.headers(), key.reveal()),
        None => is_local(request.headers()),
    };
    match outcome {
        Ok(()) => next.run(request).await,
        Err(problem) => {
            let is_unknown = problem.status == 401;
            let mut response = problem.into_response();
            if is_unknown {
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            response
        }
    }
}

fn has_key(headers: &HeaderMap, key: &str) -> Result<(), Problem> {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if given.is_some_and(|given| bool::from(given.ct_eq(key.as_bytes()))) {
        return Ok(());
    }
    let detail = "expected the header `Authorization: Bearer KEY` with the value of api.key, found none or another one";
    Err(Problem::new(401, "no-key", "The key is missing or wrong", detail.to_owned()))
}

fn is_local(headers: &HeaderMap) -> Result<(), Problem> {
    let by_page = headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site");
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !by_page && is_loopback(host) {
        return Ok(());
    }
    let detail = "expected a program on this machine that asks for a loopback address, found a web page or another name; \
                  set api.key to let others in";
    Err(Problem::new(403, "not-local", "Only programs on this machine may", detail.to_owned()))
}

/// Whether the value of `Host` is this machine by a name that nobody else can give it.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| (name.parse().expect("a header name"), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn without_a_key_only_programs_on_this_machine_pass() {
        for (name, list, expected) in [
            ("a program", &[("host", "127.0.0.1:8081")][..], true),
            ("over IPv6", &[("host", "[::1]:8081")], true),
            ("by name", &[("host", "localhost")], true),
            ("a rebound name", &[("host", "evil.example:8081")], false),
            ("a name that looks like an address", &[("host", "127.0.0.1.evil.example")], false),
            ("a page", &[("host", "127.0.0.1:8081"), ("origin", "http://evil.example")], false),
            (
                "a page that hides its origin",
                &[("host", "127.0.0.1"), ("sec-fetch-site", "cross-site")],
                false,
            ),
            ("nobody", &[], false),
        ] {
            assert_eq!(is_local(&headers(list)).is_ok(), expected, "{name}");
        }
    }

    #[test]
    fn with_a_key_only_its_owner_passes() {
        for (value, expected) in
            [("Bearer secret", true), ("Bearer secret2", false), ("Bearer ", false), ("Basic secret", false)]
        {
            let headers = headers(&[("authorization", value), ("host", "pbx.example")]);
            assert_eq!(has_key(&headers, "secret").is_ok(), expected, "{value}");
        }
        assert!(has_key(&headers(&[]), "").is_err(), "no key is not the empty key");
    }
}
