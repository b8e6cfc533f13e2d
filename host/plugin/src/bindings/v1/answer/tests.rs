use super::*;

fn target() -> wit_routing::Target {
    wit_routing::Target {
        address: wit_routing::TargetAddress::Aor("1001".into()),
        ring_timeout_ms: None,
        caller: None,
        add_headers: Vec::new(),
        remove_headers: Vec::new(),
        srtp: wit_routing::Srtp::Unspecified,
        attrs: Vec::new(),
    }
}

fn dialling(target: wit_routing::Target) -> wit_routing::Decision {
    wit_routing::Decision::Dial(wit_routing::Dial {
        targets: vec![target],
        strategy: wit_routing::Strategy::Sequential,
        record_media: false,
        transcribe: false,
        attrs: Vec::new(),
    })
}

fn routes(decision: wit_routing::Decision) -> Result<Option<model::RouteDecision>, FailureReason> {
    let answer = wit_routing::Answer { decision, memo: String::new(), why: String::new(), attrs: Vec::new() };
    routed(answer).map(|given| given.answer).map_err(|failure| failure.reason)
}

fn judges(verdict: wit_authorization::Verdict) -> Result<Option<model::Verdict>, FailureReason> {
    let answer = wit_authorization::Answer { verdict, why: String::new(), attrs: Vec::new() };
    super::verdict(answer).map(|given| given.answer).map_err(|failure| failure.reason)
}

#[test]
fn a_plain_target_arrives_as_it_was_meant() {
    let identity = wit_routing::Identity {
        user: "100".into(),
        display: Some("Reception".into()),
        host: Some("firm.example".into()),
        anonymous: true,
    };
    let meant = wit_routing::Target {
        ring_timeout_ms: Some(20_000),
        caller: Some(identity),
        add_headers: vec![("X-Queue".into(), "sales".into())],
        remove_headers: vec!["Subject".into()],
        srtp: wit_routing::Srtp::Preferred,
        ..target()
    };
    let expected = model::Target {
        address: model::TargetAddress::Aor("1001".into()),
        ring_timeout: Some(Duration::from_secs(20)),
        caller: Some(model::CallerIdentity {
            user: "100".into(),
            display: Some("Reception".into()),
            host: Some("firm.example".into()),
            anonymous: true,
        }),
        headers: vec![("X-Queue".into(), "sales".into())],
        remove_headers: vec!["Subject".into()],
        srtp: model::Srtp::Preferred,
    };
    let dial = model::Dial { targets: vec![expected], strategy: model::Strategy::Sequential };
    assert_eq!(routes(dialling(meant)), Ok(Some(model::RouteDecision::Dial(dial))));
}

#[test]
fn nothing_gets_into_a_sip_message_that_could_begin_another_line() {
    let header = |name: &str, value: &str| wit_routing::Target {
        add_headers: vec![(name.into(), value.into())],
        ..target()
    };
    let address = |address| wit_routing::Target { address, ..target() };
    let named = |user: &str, display: Option<&str>, host: Option<&str>| {
        let (display, host) = (display.map(str::to_owned), host.map(str::to_owned));
        let identity = wit_routing::Identity { user: user.into(), display, host, anonymous: false };
        wit_routing::Target { caller: Some(identity), ..target() }
    };
    for (case, target) in [
        ("a header value", header("X-A", "1\r\nVia: evil")),
        ("a header name", header("X A", "1")),
        ("an empty header name", header("", "1")),
        ("a header of the host", header("CONTACT", "<sip:evil>")),
        ("its compact form", header("m", "<sip:evil>")),
        ("the length of the body", header("Content-Length", "0")),
        (
            "a removed header of the host",
            wit_routing::Target { remove_headers: vec!["Via".into()], ..target() },
        ),
        ("an address of record", address(wit_routing::TargetAddress::Aor("a\nb".into()))),
        ("an empty address of record", address(wit_routing::TargetAddress::Aor(String::new()))),
        ("another scheme", address(wit_routing::TargetAddress::Uri("http://evil".into()))),
        ("two URIs in one", address(wit_routing::TargetAddress::Uri("sip:a@b>, <sip:c@d".into()))),
        ("a line break in a URI", address(wit_routing::TargetAddress::Uri("sip:a@b\r\n".into()))),
        ("a letter of several bytes", address(wit_routing::TargetAddress::Uri("sipé:a".into()))),
        ("a caller", named("a\r\n", None, None)),
        ("a display name", named("100", Some("A\r\nB"), None)),
        ("the host of a caller", named("100", None, Some("pbx>;tag=x"))),
    ] {
        assert_eq!(routes(dialling(target)), Err(FailureReason::Invalid), "{case}");
    }
}

#[test]
fn numbers_out_of_range_are_not_believed() {
    for ms in [0, 600_001, u32::MAX] {
        let target = wit_routing::Target { ring_timeout_ms: Some(ms), ..target() };
        assert_eq!(routes(dialling(target)), Err(FailureReason::Invalid), "{ms} ms");
    }
    for count in [0, 33] {
        let uris = vec!["sip:1001@pbx.example".to_owned(); count];
        assert_eq!(
            routes(wit_routing::Decision::Redirect(uris)),
            Err(FailureReason::Invalid),
            "{count} URIs"
        );
    }
    for (status, reason) in [(399, "ok"), (700, "ok"), (480, "a\r\nb")] {
        let rejection =
            wit::Rejection { status, reason: reason.into(), retry_after_s: None, attrs: Vec::new() };
        assert_eq!(
            routes(wit_routing::Decision::Reject(rejection)),
            Err(FailureReason::Invalid),
            "{status} {reason:?}"
        );
    }
}

#[test]
fn a_wish_that_would_be_broken_silently_is_refused_instead() {
    let challenge = wit_authorization::Challenge {
        realm: "pbx".into(),
        user: "1001".into(),
        credential: wit_authorization::Credential::Secret("phones".into()),
        algorithms: vec![wit_authorization::Algorithm::Sha256],
        attrs: Vec::new(),
    };
    assert_eq!(judges(wit_authorization::Verdict::Challenge(challenge)), Err(FailureReason::Unsupported));
}

#[test]
fn a_challenge_names_a_secret_or_brings_whole_hashes() {
    use wit_authorization::{Algorithm, Credential, Ha1};
    let challenge = |realm: &str, credential: Credential| {
        judges(wit_authorization::Verdict::Challenge(wit_authorization::Challenge {
            realm: realm.into(),
            user: "1001".into(),
            credential,
            algorithms: Vec::new(),
            attrs: Vec::new(),
        }))
    };
    let hash = |hash: &str| Credential::Ha1(vec![Ha1 { algorithm: Algorithm::Md5, hash: hash.into() }]);
    let secret = || Credential::Secret("phones".into());
    assert!(matches!(challenge("pbx", secret()), Ok(Some(model::Verdict::Challenge(_)))));
    assert!(matches!(challenge("pbx", hash("0123456789abcdef0123456789abcdef")), Ok(Some(_))));
    for (case, result) in [
        ("a quote in the realm", challenge("a\"b", secret())),
        ("an empty realm", challenge("", secret())),
        ("a short hash", challenge("pbx", hash("0123"))),
        ("capitals in a hash", challenge("pbx", hash("0123456789ABCDEF0123456789ABCDEF"))),
        ("no hash at all", challenge("pbx", Credential::Ha1(Vec::new()))),
        ("a nameless secret", challenge("pbx", Credential::Secret(String::new()))),
    ] {
        assert_eq!(result, Err(FailureReason::Invalid), "{case}");
    }
}
