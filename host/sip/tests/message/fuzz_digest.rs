//! The check of the fuzz target for digest, on stored inputs and on generated ones.
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::fuzz::stored;

#[path = "../../../../tests/fuzz/checks/auth.rs"]
mod checks;

#[test]
fn stored_challenges_and_credentials_hold() {
    stored("fuzz/digest", checks::digest);
}

/// Parameters as they are written, nearly as they are written, and otherwise.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        "realm=\"pbx\"",
        "realm=pbx",
        "realm=\"a \\\"b\\\" \\\\\"",
        "nonce=\"abc\"",
        "nonce=\"\"",
        "qop=\"auth\"",
        "qop=\"auth,auth-int\"",
        "qop=auth-int",
        "algorithm=MD5",
        "algorithm=\"SHA-256\"",
        "algorithm=SHA-512-256",
        "algorithm=MD5-sess",
        "opaque=\"o\"",
        "stale=TRUE",
        "username=\"1001\"",
        "username=\"\u{e9}\"",
        "uri=\"sip:1002@pbx.test\"",
        "uri=*",
        "response=\"0123456789abcdef0123456789abcdef\"",
        "response=\"\"",
        "nc=00000001",
        "nc=ffffffff",
        "nc=00000000",
        "nc=1",
        "cnonce=\"c\"",
        "userhash=true",
        "x=\"",
        "\r\n y=z",
        "=",
        "",
    ];
    let separator = prop_oneof![6 => Just(", "), 1 => Just(","), 1 => Just(" "), 1 => Just(" ,\r\n ,")];
    let scheme =
        prop_oneof![8 => Just("Digest "), 1 => Just("digest\t"), 1 => Just("Basic "), 1 => Just("Digest")];
    let changes = vec((any::<Index>(), any::<u8>()), 0..2);
    (scheme, vec((select(known.to_vec()), separator), 0..12), changes).prop_map(
        |(scheme, params, changes)| {
            let mut text = scheme.as_bytes().to_vec();
            for (param, separator) in params {
                text.extend_from_slice(param.as_bytes());
                text.extend_from_slice(separator.as_bytes());
            }
            for (at, byte) in changes {
                let at = at.index(text.len());
                text[at] = byte;
            }
            text
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_challenges_and_credentials_hold(text in value()) {
        checks::digest(&text);
    }
}
