//! The section `trunks`: peers that routing decisions can name.

use std::collections::BTreeMap;
use std::time::Duration;

use cordboard_b2bua::trunk::{
    TrunkAccount, TrunkHeaders, TrunkHealth, TrunkIdentity, TrunkPrivacy, TrunkRegistration, TrunkServer,
    TrunkSettings, may_add_header,
};
use cordboard_model::Secret;
use cordboard_sip::locate::Share;

use super::section::{Expected, Section};
use super::value;

/// Servers of one trunk. A call tries each of them in turn, so more would only keep a caller waiting.
const MAX_SERVERS: usize = 16;

/// Reads `trunks`; their accounts name secrets that have been read before.
pub(super) fn read_trunks(
    root: &Section<'_>,
    secrets: &BTreeMap<String, Secret<String>>,
) -> BTreeMap<String, TrunkSettings> {
    let mut trunks = BTreeMap::new();
    for section in root.sections("trunks") {
        let name = section.required("name", value::name);
        let trunk = read_trunk(&section, secrets);
        section.finish();
        let Some(name) = name else { continue };
        if trunks.contains_key(&name) {
            section.complain("name", format!("two trunks are called {name:?}; each needs a name of its own"));
        }
        trunks.insert(name, trunk);
    }
    trunks
}

fn read_trunk(section: &Section<'_>, secrets: &BTreeMap<String, Secret<String>>) -> TrunkSettings {
    let servers = read_servers(section);
    let account = read_account(section, secrets);
    let registration = read_registration(section, account.as_ref());
    let s = Duration::from_secs;
    TrunkSettings {
        servers,
        sources: section.list("sources", Vec::new(), value::network),
        account,
        registration,
        health: read_health(section.section("health")),
        response_timeout: section.value("response_timeout", s(6), value::duration(s(1)..=s(32))),
        codecs: section.list("codecs", Vec::new(), codec),
        identity: read_identity(section.section("identity")),
        headers: read_headers(section.section("headers")),
    }
}

/// One server under `uri`, or several under `servers`.
fn read_servers(section: &Section<'_>) -> Vec<TrunkServer> {
    let single = section.optional("uri", value::sip_peer);
    let listed = section.sections("servers");
    match (section.has("uri"), listed.is_empty()) {
        (true, false) => section.complain("uri", "expected either uri or servers, found both; remove one"),
        (false, true) => section.complain(
            "servers",
            "expected uri, or servers with at least one entry, such as [{uri: 'sip:trunk.example'}]",
        ),
        _ => {}
    }
    if listed.len() > MAX_SERVERS {
        let found = listed.len();
        section.complain("servers", format!("expected at most {MAX_SERVERS} servers, found {found}"));
    }
    let alone = Share { priority: 0, weight: 1 };
    let mut servers: Vec<TrunkServer> =
        single.into_iter().map(|uri| TrunkServer { uri, share: alone }).collect();
    for entry in listed {
        let uri = entry.required("uri", value::sip_peer);
        let share = Share {
            priority: entry.value("priority", alone.priority, value::number(0..=u16::MAX)),
            weight: entry.value("weight", alone.weight, value::number(0..=u16::MAX)),
        };
        entry.finish();
        servers.extend(uri.map(|uri| TrunkServer { uri, share }));
    }
    servers
}

fn read_account(section: &Section<'_>, secrets: &BTreeMap<String, Secret<String>>) -> Option<TrunkAccount> {
    let account = section.section("account");
    if !section.has("account") {
        return None;
    }
    let user = account.required("user", value::text);
    let secret = account.required("secret", value::name);
    let realm = account.optional("realm", value::text);
    if let Some(secret) = secret.as_ref().filter(|secret| !secrets.contains_key(*secret)) {
        let message = format!("expected the name of an entry of secrets, found {secret:?}; add it there");
        account.complain("secret", message);
    }
    account.finish();
    Some(TrunkAccount { user: user?, secret: secret?, realm })
}

fn read_registration(section: &Section<'_>, account: Option<&TrunkAccount>) -> Option<TrunkRegistration> {
    let s = Duration::from_secs;
    let register = section.value("register", false, value::word(&[("true", true), ("false", false)]));
    let user = section.optional("register_user", value::text);
    let domain = section.optional("register_domain", value::host);
    let expires = section.value("register_expires", s(3600), value::duration(s(60)..=s(86_400)));
    let user = user.or(account.map(|account| account.user.clone()));
    if register && user.is_none() {
        section.complain(
            "register",
            "a registration needs a user: add register_user, or an account with a user",
        );
    }
    user.filter(|_| register).map(|user| TrunkRegistration { user, domain, expires })
}

fn read_health(section: Section<'_>) -> Option<TrunkHealth> {
    let s = Duration::from_secs;
    let interval = value::or_off(value::duration(s(5)..=s(3600)));
    let interval = section.value("interval", Some(s(30)), interval);
    let failures = section.value("failures", 3, value::number(1..=100));
    let successes = section.value("successes", 2, value::number(1..=100));
    section.finish();
    interval.map(|interval| TrunkHealth { interval, failures, successes })
}

fn read_identity(section: Section<'_>) -> TrunkIdentity {
    let flags = value::word(&[("true", true), ("false", false)]);
    let privacy = value::word(&[
        ("as-asked", TrunkPrivacy::AsAsked),
        ("always", TrunkPrivacy::Always),
        ("never", TrunkPrivacy::Never),
    ]);
    let identity = TrunkIdentity {
        from_user: section.optional("from_user", value::text),
        from_host: section.optional("from_host", value::host),
        trusted: section.value("trusted", false, flags),
        privacy: section.value("privacy", TrunkPrivacy::AsAsked, privacy),
    };
    section.finish();
    identity
}

fn read_headers(section: Section<'_>) -> TrunkHeaders {
    let names = section.list("pass", Vec::new(), header_name);
    let mut add = Vec::new();
    for entry in section.sections("add") {
        let name = entry.required("name", added_header);
        let text = entry.required("value", header_value);
        entry.finish();
        add.extend(name.zip(text));
    }
    let headers = TrunkHeaders { pass: section.has("pass").then_some(names), add };
    section.finish();
    headers
}

/// A codec as SDP names it (RFC 8866 §6.6).
fn codec(text: &str) -> Result<String, Expected> {
    let fits = (1..=32).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    let expected = || "a codec as SDP names it, such as PCMA, opus or telephone-event".to_owned();
    fits.then(|| text.to_owned()).ok_or_else(expected)
}

fn header_name(text: &str) -> Result<String, Expected> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte);
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(token);
    fits.then(|| text.to_owned()).ok_or_else(|| "the name of a header, such as Diversion".to_owned())
}

fn added_header(text: &str) -> Result<String, Expected> {
    let expected =
        || "the name of a header that the host does not write itself, such as X-Customer".to_owned();
    header_name(text).ok().filter(|name| may_add_header(name)).ok_or_else(expected)
}

fn header_value(text: &str) -> Result<String, Expected> {
    let fits = text.len() <= 1024 && !text.chars().any(char::is_control);
    let expected = || "a text of at most 1024 bytes without control characters".to_owned();
    fits.then(|| text.to_owned()).ok_or_else(expected)
}
