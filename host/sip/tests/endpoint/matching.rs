//! Which transaction a message belongs to (RFC 3261 §17.1.3, §17.2.3, §8.2.2.2, §18.1.2).
use bytes::Bytes;
use cordboard_sip::message::{HeaderName, Method};

use crate::pair::{Incoming, OURS, Stage, header, outgoing, reply, udp};

/// What the user hears when `second` follows an INVITE.
fn check(name: &str, second: Incoming, told: &[&str], lines: &[&str]) {
    let mut stage = Stage::new();
    stage.receive(udp(), Incoming::new("INVITE"));
    stage.events();
    stage.receive(udp(), second);
    assert_eq!(stage.told(), told, "{name}");
    assert_eq!(stage.lines(), lines, "{name}");
}

#[test]
fn a_request_is_matched_by_branch_sent_by_and_method() {
    let invite = Incoming::new("INVITE");
    check("the same", invite, &[], &[]);
    let other_call = |via: &str| {
        let mut request = Incoming::new("INVITE").via(via);
        request.sip_call_id = "another".to_owned();
        request
    };
    check(
        "other branch",
        other_call("SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bKother"),
        &["request INVITE"],
        &[],
    );
    check(
        "other host",
        other_call("SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKfirst"),
        &["request INVITE"],
        &[],
    );
    check(
        "other port",
        other_call("SIP/2.0/UDP 192.0.2.2:5071;branch=z9hG4bKfirst"),
        &["request INVITE"],
        &[],
    );
    let same_branch = Incoming::new("OPTIONS").via("SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bKfirst");
    check("other method", same_branch, &["request OPTIONS"], &[]);
}

#[test]
fn sent_by_is_compared_without_regard_to_case() {
    let mut stage = Stage::new();
    stage.receive(udp(), Incoming::new("INVITE").via("SIP/2.0/UDP Phone.Example;branch=z9hG4bKx"));
    stage.receive(udp(), Incoming::new("INVITE").via("SIP/2.0/UDP phone.example;branch=z9hG4bKx"));
    assert_eq!(stage.told(), ["request INVITE"]);
}

#[test]
fn a_merged_request_is_482() {
    let other_path = "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKpath;rport";
    check("same Call-ID, From tag and CSeq", Incoming::new("INVITE").via(other_path), &[], &["482"]);
    let in_dialog = Incoming::new("INVITE").via(other_path).to("<sip:alice@192.0.2.1>;tag=dialog");
    check("not within a dialog", in_dialog, &["request INVITE"], &[]);
    let mut next = Incoming::new("INVITE").via(other_path);
    next.cseq = "2 INVITE".to_owned();
    check("not another CSeq", next, &["request INVITE"], &[]);
    let mut tagged = Incoming::new("INVITE").via(other_path);
    tagged.from = "<sip:bob@192.0.2.2>;tag=other".to_owned();
    check("not another From tag", tagged, &["request INVITE"], &[]);
}

#[test]
fn a_merged_request_is_counted_and_leaves_nothing() {
    let mut stage = Stage::new();
    stage.receive(udp(), Incoming::new("INVITE"));
    stage.receive(udp(), Incoming::new("INVITE").via("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKpath"));
    assert_eq!(stage.counters().merged, 1);
    assert_eq!(stage.endpoint.transactions(), 1);
}

/// A peer of RFC 2543 sends no magic cookie.
fn old(method: &'static str) -> Incoming {
    Incoming::new(method).via("SIP/2.0/UDP 192.0.2.2:5070")
}

#[test]
fn a_peer_of_rfc_2543_is_matched_by_the_old_rules() {
    let mut stage = Stage::new();
    stage.receive(udp(), old("INVITE"));
    stage.receive(udp(), old("INVITE"));
    let (transaction, message) = stage.requested();
    let mut next = old("INVITE");
    next.cseq = "2 INVITE".to_owned();
    stage.receive(udp(), next);
    assert_eq!(stage.told(), ["request INVITE"], "another CSeq is another transaction");
    stage.respond(transaction, &message, 486);
    stage.sent();
    stage.receive(udp(), old("INVITE").becomes("ACK").to("<sip:alice@192.0.2.1>;tag=not-ours"));
    assert_eq!(stage.told(), ["ack"], "the To tag of an ACK is the one of the response");
    stage.receive(udp(), old("INVITE").becomes("ACK").to("<sip:alice@192.0.2.1>;tag=ours"));
    assert_eq!(stage.told(), [""; 0]);
    assert_eq!(stage.drain(), [], "confirmed");
}

#[test]
fn a_cancel_and_a_second_ack_of_a_peer_of_rfc_2543_find_their_invite() {
    let mut stage = Stage::new();
    let reinvite = old("INVITE").to("<sip:alice@192.0.2.1>;tag=ours");
    stage.receive(udp(), reinvite.clone());
    let (transaction, message) = stage.requested();
    stage.receive(udp(), reinvite.clone().becomes("CANCEL"));
    assert_eq!(stage.told(), ["cancelled"]);
    stage.respond(transaction, &message, 487);
    stage.sent();
    stage.receive(udp(), reinvite.becomes("ACK"));
    assert_eq!(stage.told(), [""; 0]);
    assert_eq!(stage.drain(), []);
}

/// A response to our OPTIONS with `from` replaced by `to` in it.
fn check_response(name: &str, from: &str, to: &str, told: &[&str]) {
    let mut stage = Stage::new();
    stage.send(udp(), &outgoing(Method::Options));
    let options = stage.sent_one();
    let text = String::from_utf8(reply(&options, 200).to_vec()).unwrap();
    assert!(text.contains(from), "{name}: {from} in {text}");
    stage.receive(udp(), Bytes::from(text.replace(from, to)));
    assert_eq!(stage.told(), told, "{name}");
    assert_eq!(stage.counters().stray_responses, u64::from(told.is_empty()), "{name}");
}

#[test]
fn a_response_is_matched_by_our_via_and_the_method_in_cseq() {
    check_response("as sent", "200", "200", &["response 200"]);
    check_response("another branch", "branch=z9hG4bK", "branch=z9hG4bKx", &[]);
    check_response("sent-by is not ours", OURS, "192.0.2.3:5060", &[]);
    check_response("another port", OURS, "192.0.2.1:5061", &[]);
    check_response("the default port left out", OURS, "192.0.2.1", &["response 200"]);
    check_response("another method", "1 OPTIONS", "1 INFO", &[]);
    check_response("the method CANCEL", "1 OPTIONS", "1 CANCEL", &[]);
    check_response("a second Via", "From:", "Via: SIP/2.0/UDP 192.0.2.8;branch=z9hG4bKbehind\r\nFrom:", &[]);
}

#[test]
fn a_stray_2xx_to_an_invite_is_told_only_when_its_via_is_ours() {
    let stray = |sent_by: &str| {
        Bytes::from(format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {sent_by};branch=z9hG4bKgone\r\nFrom: <sip:a@x>;tag=1\r\n\
             To: <sip:b@x>;tag=2\r\nCall-ID: gone\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
        ))
    };
    let mut stage = Stage::new();
    stage.receive(udp(), stray("192.0.2.3:5060"));
    assert_eq!(stage.told(), [""; 0]);
    stage.receive(udp(), stray(OURS));
    assert_eq!(stage.told(), ["stray response 200"]);
}

#[test]
fn our_via_names_the_local_address_a_new_branch_and_rport() {
    let mut stage = Stage::new();
    let mut branches = Vec::new();
    for _ in 0..2 {
        stage.send(udp(), &outgoing(Method::Options));
        let via = header(&stage.sent_one(), HeaderName::Via);
        let (path, rest) = via.split_once(";branch=z9hG4bK").expect("a branch with the magic cookie");
        assert_eq!(path, format!("SIP/2.0/UDP {OURS}"));
        branches.push(rest.strip_suffix(";rport").expect("rport").to_owned());
    }
    assert_ne!(branches[0], branches[1]);
}
