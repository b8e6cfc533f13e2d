//! What happens while it rings: reliable provisional responses, early media, redirects, two answers at once.

use std::net::{IpAddr, Ipv4Addr};

use cordboard_interop::{Line, Media, Options, Pbx, Scenario, Stage, Transport, header, headers, status};

use crate::stories::{Cast, check};

#[test]
fn reliable_provisionals_pass_from_end_to_end_with_an_update_before_the_answer() {
    check(
        "reliable_provisionals_pass_from_end_to_end_with_an_update_before_the_answer",
        "reliable_end_to_end",
    );
}

#[test]
fn a_callee_that_rings_reliably_reaches_a_caller_that_knows_nothing_of_it() {
    check("a_callee_that_rings_reliably_reaches_a_caller_that_knows_nothing_of_it", "reliable_callee");
}

#[test]
fn a_caller_that_requires_reliable_provisionals_reaches_a_callee_that_knows_nothing_of_them() {
    check(
        "a_caller_that_requires_reliable_provisionals_reaches_a_callee_that_knows_nothing_of_them",
        "reliable_caller",
    );
}

#[test]
fn early_media_is_heard_before_the_answer() {
    let stage = Stage::new("early_media_is_heard_before_the_answer");
    let pbx = Pbx::start(&stage, &Options::default());
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let (ours, theirs) = (Media::new(loopback), Media::new(loopback));
    let (mut caller, mut callee) = (Line::udp(pbx.sip()), Line::tcp(pbx.sip()));
    callee.register("1002", pbx.sip());
    let invite = caller.request("INVITE", &format!("sip:1002@{}", pbx.sip()), "", &ours.sdp(""));
    caller.send(&invite);
    let incoming = callee.asked("INVITE");
    callee.respond(&incoming, "183 Session Progress", &theirs.sdp(""));
    let progress = caller.receive("183", |message| status(message) == Some(183));
    let (_, announced) = progress.split_once("\r\n\r\n").expect("a body");
    theirs.is_heard_by(&ours, &incoming);
    ours.is_heard_by(&theirs, announced);
    callee.respond(&incoming, "486 Busy Here", "");
    assert_eq!(status(&caller.final_response(&invite)), Some(486));
    callee.asked("ACK");
}

#[test]
fn a_redirect_to_a_user_of_ours_is_followed_by_the_routing_plugin() {
    let stage = Stage::new("a_redirect_to_a_user_of_ours_is_followed_by_the_routing_plugin");
    let pbx = Pbx::start(&stage, &Options::default());
    let cast = Cast { stage: &stage, pbx: &pbx };
    let mut target = cast.is_called("1003", &Scenario::new("redirect/target"));
    let mut callee = cast.is_called("1002", &Scenario::new("redirect/callee"));
    let mut caller = cast.calls("1002", &Scenario::new("redirect/caller"), Transport::Udp);
    cast.succeed([&mut caller, &mut callee, &mut target]);
}

#[test]
fn a_redirect_to_somewhere_else_is_neither_followed_nor_passed_on() {
    let stage = Stage::new("a_redirect_to_somewhere_else_is_neither_followed_nor_passed_on");
    let pbx = Pbx::start(&stage, &Options::default());
    let cast = Cast { stage: &stage, pbx: &pbx };
    let mut callee = cast.is_called("1002", &Scenario::new("foreign_redirect/callee"));
    let mut caller = cast.calls("1002", &Scenario::new("foreign_redirect/caller"), Transport::Tcp);
    cast.succeed([&mut caller, &mut callee]);
    let shown = caller.messages().into_iter().filter(|message| message.contains("192.0.2.66")).count();
    assert_eq!(shown, 0, "the caller is not told where the callee wanted it to go");
}

#[test]
fn of_two_phones_that_answer_at_once_one_is_hung_up() {
    let stage = Stage::new("of_two_phones_that_answer_at_once_one_is_hung_up");
    let pbx = Pbx::start(&stage, &Options::default());
    let cast = Cast { stage: &stage, pbx: &pbx };
    let phone = Scenario::new("both_answer/callee");
    let [mut first, mut second] = [cast.is_called("1002", &phone), cast.is_called("1002", &phone)];
    let mut caller = cast.calls("1002", &Scenario::new("both_answer/caller"), Transport::Udp);
    cast.succeed([&mut caller, &mut first, &mut second]);
    let legs = [first.invite(), second.invite()];
    let [ours, theirs] = legs.each_ref().map(|leg| header(leg, "Call-ID"));
    assert_ne!(ours, theirs, "each phone has a leg of its own");
    let tags: Vec<String> = caller
        .messages()
        .iter()
        .filter(|message| status(message) == Some(200))
        .flat_map(|message| headers(message, "To").map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert!(tags.windows(2).all(|pair| pair[0] == pair[1]), "the caller sees one dialog: {tags:?}");
}
