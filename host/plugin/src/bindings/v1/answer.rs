//! From the answers of version 1 to the host's types. What a guest says is checked here, and nowhere else.

use std::time::Duration;

use cordboard_model as model;

use super::{wit, wit_authorization, wit_routing};
use crate::failure::{Failure, FailureReason};
use crate::plugin::Given;

/// Targets of one decision, and contacts of one redirect.
const MAX_TARGETS: usize = 32;

/// Longest URI, number or name in an answer.
const MAX_TEXT: usize = 1 << 10;

/// Headers added to one target, and names removed from it.
const MAX_HEADERS: usize = 64;

/// Longest ring time; beyond it every carrier has given up.
const MAX_RING: Duration = Duration::from_secs(600);

/// Headers that belong to the host: changing them would break the dialog or the routing of its messages.
const HOST_HEADERS: [&str; 18] = [
    "via",
    "v",
    "route",
    "record-route",
    "contact",
    "m",
    "call-id",
    "i",
    "cseq",
    "from",
    "f",
    "to",
    "t",
    "max-forwards",
    "authorization",
    "proxy-authorization",
    "require",
    "supported",
];

/// The routing answer.
///
/// # Errors
/// When the answer cannot be right, or cannot be carried out by this release.
pub(crate) fn routed(answer: wit_routing::Answer) -> Result<Given<model::RouteDecision>, Failure> {
    use wit_routing::Decision;
    let decision = match answer.decision {
        Decision::Dial(plan) => model::RouteDecision::Dial(dial(plan)?),
        Decision::Reject(refusal) => model::RouteDecision::Reject(rejection(refusal)?),
        Decision::Redirect(uris) => model::RouteDecision::Redirect(redirect(uris)?),
        Decision::Pass => return Ok(Given::pass(&answer.why)),
        Decision::Play(_) => return Err(unsupported("play")),
        Decision::Collect(_) => return Err(unsupported("collect")),
        Decision::RecordMessage(_) => return Err(unsupported("record-message")),
        Decision::MediaStream(_) => return Err(unsupported("media-stream")),
        Decision::Page(_) => return Err(unsupported("page")),
    };
    Ok(Given::answer(decision, &answer.why))
}

/// The verdict.
///
/// # Errors
/// When the answer cannot be right, or cannot be carried out by this release.
pub(crate) fn verdict(answer: wit_authorization::Answer) -> Result<Given<model::Verdict>, Failure> {
    use wit_authorization::Verdict;
    let verdict = match answer.verdict {
        Verdict::Allow(attributes) => model::Verdict::Allow { attributes },
        Verdict::Challenge(wanted) => model::Verdict::Challenge(challenge(wanted)?),
        Verdict::Deny(refusal) => model::Verdict::Deny(rejection(refusal)?),
        Verdict::Pass => return Ok(Given::pass(&answer.why)),
    };
    Ok(Given::answer(verdict, &answer.why))
}

fn rejection(rejection: wit::Rejection) -> Result<model::Rejection, Failure> {
    if !(400..700).contains(&rejection.status) {
        return Err(invalid(format!("expected a status from 400 to 699, found {}", rejection.status)));
    }
    if rejection.reason.len() > 128 || has_controls(&rejection.reason) {
        return Err(invalid("expected a reason phrase of at most 128 bytes without control characters"));
    }
    Ok(model::Rejection {
        status: rejection.status,
        reason: rejection.reason,
        retry_after_s: rejection.retry_after_s,
    })
}

fn challenge(challenge: wit_authorization::Challenge) -> Result<model::Challenge, Failure> {
    use wit_authorization::Credential;
    if !challenge.algorithms.is_empty() {
        return Err(unsupported("a challenge with its own choice of algorithms (leave the list empty)"));
    }
    let realm = text("realm", challenge.realm)?;
    if realm.contains(['"', '\\']) {
        return Err(invalid("expected a realm without quotes and backslashes"));
    }
    Ok(model::Challenge {
        realm,
        user: text("user", challenge.user)?,
        credential: match challenge.credential {
            Credential::Secret(name) => model::Credential::Secret(text("secret", name)?),
            Credential::Ha1(hashes) if hashes.is_empty() => {
                return Err(invalid("expected at least one hash"));
            }
            Credential::Ha1(hashes) => {
                model::Credential::Ha1(hashes.into_iter().map(ha1).collect::<Result<_, _>>()?)
            }
        },
    })
}

fn ha1(ha1: wit_authorization::Ha1) -> Result<(model::DigestAlgorithm, model::Secret<String>), Failure> {
    let (algorithm, digits) = match ha1.algorithm {
        wit_authorization::Algorithm::Md5 => (model::DigestAlgorithm::Md5, 32),
        wit_authorization::Algorithm::Sha256 => (model::DigestAlgorithm::Sha256, 64),
        wit_authorization::Algorithm::Sha512256 => (model::DigestAlgorithm::Sha512_256, 64),
    };
    let is_hex = ha1.hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if ha1.hash.len() != digits || !is_hex {
        return Err(invalid(format!("expected a hash of {digits} lower-case hex digits")));
    }
    Ok((algorithm, model::Secret::new(ha1.hash)))
}

fn dial(dial: wit_routing::Dial) -> Result<model::Dial, Failure> {
    if !(1..=MAX_TARGETS).contains(&dial.targets.len()) {
        return Err(invalid(format!("expected 1 to {MAX_TARGETS} targets, found {}", dial.targets.len())));
    }
    Ok(model::Dial {
        targets: dial.targets.into_iter().map(target).collect::<Result<_, _>>()?,
        strategy: match dial.strategy {
            wit_routing::Strategy::Parallel => model::Strategy::Parallel,
            wit_routing::Strategy::Sequential => model::Strategy::Sequential,
        },
    })
}

fn target(target: wit_routing::Target) -> Result<model::Target, Failure> {
    if target.add_headers.len() > MAX_HEADERS || target.remove_headers.len() > MAX_HEADERS {
        return Err(invalid(format!("expected at most {MAX_HEADERS} headers to add and to remove")));
    }
    for (name, value) in &target.add_headers {
        check_header(name)?;
        if value.len() > 8 * MAX_TEXT || has_controls(value) {
            return Err(invalid(format!(
                "the value of header {name:?} is too long or has control characters"
            )));
        }
    }
    target.remove_headers.iter().try_for_each(|name| check_header(name))?;
    Ok(model::Target {
        address: address(target.address)?,
        ring_timeout: target.ring_timeout_ms.map(ring_time).transpose()?,
        caller: target.caller.map(identity).transpose()?,
        headers: target.add_headers,
        remove_headers: target.remove_headers,
        srtp: match target.srtp {
            wit_routing::Srtp::Unspecified => model::Srtp::Unspecified,
            wit_routing::Srtp::Off => model::Srtp::Off,
            wit_routing::Srtp::Preferred => model::Srtp::Preferred,
            wit_routing::Srtp::Required => model::Srtp::Required,
        },
    })
}

fn address(address: wit_routing::TargetAddress) -> Result<model::TargetAddress, Failure> {
    Ok(match address {
        wit_routing::TargetAddress::Aor(aor) => model::TargetAddress::Aor(text("address of record", aor)?),
        wit_routing::TargetAddress::Uri(uri) => model::TargetAddress::Uri(sip_uri(uri)?),
        wit_routing::TargetAddress::Trunk(out) => model::TargetAddress::Trunk {
            trunk: text("trunk name", out.trunk)?,
            number: text("number", out.number)?,
        },
    })
}

fn redirect(uris: Vec<String>) -> Result<Vec<String>, Failure> {
    if !(1..=MAX_TARGETS).contains(&uris.len()) {
        return Err(invalid(format!(
            "expected 1 to {MAX_TARGETS} URIs to redirect to, found {}",
            uris.len()
        )));
    }
    uris.into_iter().map(sip_uri).collect()
}

fn identity(identity: wit_routing::Identity) -> Result<model::CallerIdentity, Failure> {
    let display = identity.display.map(|display| text("display name", display)).transpose()?;
    let host = identity.host.map(caller_host).transpose()?;
    Ok(model::CallerIdentity {
        user: text("caller", identity.user)?,
        display,
        host,
        anonymous: identity.anonymous,
    })
}

/// The host part of From: a name or an address, with a port at most.
fn caller_host(host: String) -> Result<String, Failure> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    if host.is_empty() || host.len() > 253 || !host.bytes().all(fits) {
        let found: String = host.chars().take(64).collect();
        return Err(invalid(format!("expected a host name or an address for the caller, found {found:?}")));
    }
    Ok(host)
}

fn ring_time(ms: u32) -> Result<Duration, Failure> {
    let time = Duration::from_millis(ms.into());
    if time.is_zero() || time > MAX_RING {
        let most = MAX_RING.as_millis();
        return Err(invalid(format!("expected a ring time of 1 to {most} ms, found {ms}")));
    }
    Ok(time)
}

fn sip_uri(uri: String) -> Result<String, Failure> {
    let lower = uri.get(..5).unwrap_or_default().to_ascii_lowercase();
    if !lower.starts_with("sip:") && lower != "sips:" {
        let found: String = uri.chars().take(64).collect();
        return Err(invalid(format!("expected a SIP URI such as sip:1001@host, found {found:?}")));
    }
    if uri.contains([' ', '<', '>', '"', ',']) {
        return Err(invalid("expected a bare SIP URI, without spaces, quotes, commas and angle brackets"));
    }
    text("URI", uri)
}

/// Something to be put into a SIP message: not empty, not too long, and without a way to begin another line.
pub(super) fn text(what: &str, text: String) -> Result<String, Failure> {
    if text.is_empty() || text.len() > MAX_TEXT || has_controls(&text) {
        let found = text.len();
        return Err(invalid(format!(
            "expected a {what} of 1 to {MAX_TEXT} bytes without control characters, found {found} bytes"
        )));
    }
    Ok(text)
}

fn check_header(name: &str) -> Result<(), Failure> {
    let lower = name.to_ascii_lowercase();
    if !is_token(name) {
        let found: String = name.chars().take(64).collect();
        return Err(invalid(format!("expected a header name, found {found:?}")));
    }
    if HOST_HEADERS.contains(&lower.as_str())
        || lower.starts_with("content-")
        || ["c", "l", "e"].contains(&lower.as_str())
    {
        return Err(invalid(format!("header {name} belongs to the host; a plugin may not change it")));
    }
    Ok(())
}

/// A name of a header (RFC 3261 §25.1), of usual length.
pub(super) fn is_token(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte))
}

pub(super) fn has_controls(text: &str) -> bool {
    text.chars().any(char::is_control)
}

pub(super) fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(FailureReason::Invalid, message)
}

fn unsupported(decision: &str) -> Failure {
    let message = format!("this release of Cordboard cannot carry out: {decision}");
    Failure::new(FailureReason::Unsupported, message)
}

#[cfg(test)]
mod tests;
