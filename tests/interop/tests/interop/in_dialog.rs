//! Requests within a call, in both directions: hold, codecs, offers, glare, INFO, UPDATE, session timers.

use std::time::Duration;

use cordboard_interop::{Options, Pbx, Scenario, Stage, Transport, pause};

use crate::stories::{Cast, check};

#[test]
fn either_side_holds_by_attribute_and_resumes() {
    check("either_side_holds_by_attribute_and_resumes", "hold_by_attribute");
}

#[test]
fn a_hold_by_0_0_0_0_passes_as_it_is() {
    check("a_hold_by_0_0_0_0_passes_as_it_is", "hold_by_null_address");
}

#[test]
fn either_side_changes_the_codec() {
    check("either_side_changes_the_codec", "codec_change");
}

#[test]
fn an_offer_may_come_in_the_200_and_its_answer_in_the_ack() {
    check("an_offer_may_come_in_the_200_and_its_answer_in_the_ack", "late_offer");
}

#[test]
fn either_side_changes_its_session_by_update() {
    check("either_side_changes_its_session_by_update", "update");
}

#[test]
fn info_passes_both_ways_with_its_body_and_its_answer() {
    check("info_passes_both_ways_with_its_body_and_its_answer", "info");
}

#[test]
fn of_two_re_invites_that_meet_the_later_one_gets_491() {
    check("of_two_re_invites_that_meet_the_later_one_gets_491", "glare");
}

#[test]
fn sessions_that_are_too_brief_get_422_and_each_leg_is_refreshed_on_its_own() {
    let stage = Stage::new("sessions_that_are_too_brief_get_422_and_each_leg_is_refreshed_on_its_own");
    let pbx = Pbx::start(&stage, &Options::default());
    let cast = Cast { stage: &stage, pbx: &pbx };
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut callee = cast.is_called("1002", &Scenario::new("session_timers/callee").calls(2));
        let mut caller = cast.calls("1002", &Scenario::new("session_timers/caller"), transport);
        cast.succeed([&mut caller, &mut callee]);
    }
}

#[test]
fn we_refresh_the_sessions_of_peers_that_leave_it_to_us() {
    let stage = Stage::new("we_refresh_the_sessions_of_peers_that_leave_it_to_us");
    let pbx = Pbx::start(&stage, &Options::default());
    let cast = Cast { stage: &stage, pbx: &pbx };
    let mut callee = cast.is_called("1002", &Scenario::new("session_refresh/callee"));
    let mut caller = cast.calls("1002", &Scenario::new("session_refresh/caller"), Transport::Udp);
    // Half of the least time that a session may last.
    pause(Duration::from_secs(44));
    cast.succeed([&mut caller, &mut callee]);
}
