//! Two endpoints with a network that loses, repeats and reorders: whole transactions, seen from both users.
use bytes::Bytes;
use cordboard_sip::Transport;
use cordboard_sip::endpoint::EndpointEvent;
use cordboard_sip::message::Method;

use crate::pair::{Fate, Pair, first_line, outgoing, response};

/// Sends one request through a network and answers it with `statuses`. Gives what the client's user and the server's user
/// heard. Both sides are empty afterwards.
fn exchange(
    transport: Transport,
    method: Method,
    statuses: &[u16],
    fate: impl FnMut(&Bytes) -> Fate,
) -> (Vec<String>, Vec<String>) {
    let mut pair = Pair::new(transport);
    let flow = pair.flow(true);
    let now = pair.now;
    pair.client.send_request(now, flow, &outgoing(method));
    let (mut client, mut server) = (Vec::new(), Vec::new());
    pair.run(fate, |pair, client_side, event| {
        let heard = if client_side { &mut client } else { &mut server };
        heard.push(crate::pair::describe(&event));
        if let EndpointEvent::Request { transaction, flow, message } = event {
            for status in statuses {
                let response = response(&message, &flow, *status);
                let now = pair.now;
                pair.server.respond(now, transaction, &response);
            }
        }
    });
    assert_eq!((pair.client.transactions(), pair.server.transactions()), (0, 0), "{:#?}", pair.trace);
    (client, server)
}

/// Loses the first `count` messages whose first line begins so.
fn losing(line: &'static str, mut count: usize) -> impl FnMut(&Bytes) -> Fate {
    move |bytes| {
        let lost = count > 0 && first_line(bytes) == line;
        count -= usize::from(lost);
        if lost { Fate::IsLost } else { Fate::Arrives }
    }
}

#[test]
fn whatever_is_lost_once_arrives_in_the_end() {
    let cases: [(&str, Method, &[u16], &[&str]); 6] = [
        ("INVITE", Method::Invite, &[100, 486], &["response 100", "response 486"]),
        ("100", Method::Invite, &[100, 486], &["response 486"]),
        ("486", Method::Invite, &[100, 486], &["response 100", "response 486"]),
        ("ACK", Method::Invite, &[100, 486], &["response 100", "response 486"]),
        ("REGISTER", Method::Register, &[200], &["response 200"]),
        ("200", Method::Register, &[200], &["response 200"]),
    ];
    for (lost, method, statuses, told) in cases {
        for count in [0, 1, 3] {
            let (client, server) = exchange(Transport::Udp, method, statuses, losing(lost, count));
            let expected = if count == 0 && lost == "100" {
                vec!["response 100", "response 486"]
            } else {
                told.to_vec()
            };
            assert_eq!(client, expected, "{lost} lost {count} times");
            assert_eq!(server, [format!("request {}", method.as_str())], "{lost} lost {count} times");
        }
    }
}

#[test]
fn what_is_lost_for_good_is_told_on_each_side_that_waits() {
    let always = usize::MAX;
    let (client, server) = exchange(Transport::Udp, Method::Invite, &[486], losing("INVITE", always));
    assert_eq!((client, server), (vec!["client failed: Timeout".to_owned()], vec![]));
    let (client, server) = exchange(Transport::Udp, Method::Invite, &[486], losing("486", always));
    assert_eq!(client, ["client failed: Timeout"]);
    assert_eq!(server, ["request INVITE", "server failed: Timeout"]);
    let (client, server) = exchange(Transport::Udp, Method::Invite, &[486], losing("ACK", always));
    assert_eq!(client, ["response 486"]);
    assert_eq!(server, ["request INVITE", "server failed: Timeout"]);
    let (client, server) = exchange(Transport::Udp, Method::Register, &[200], losing("200", always));
    assert_eq!(client, ["client failed: Timeout"]);
    assert_eq!(server, ["request REGISTER"]);
}

#[test]
fn duplicates_change_nothing_for_the_users() {
    for (method, status) in [(Method::Invite, 486), (Method::Register, 200), (Method::Options, 404)] {
        let (client, server) = exchange(Transport::Udp, method, &[status], |_| Fate::ArrivesTwice);
        assert_eq!(client, [format!("response {status}")]);
        assert_eq!(server, [format!("request {}", method.as_str())]);
    }
}

#[test]
fn a_final_response_that_overtakes_its_provisional_one_is_the_end() {
    let overtaken =
        |bytes: &Bytes| if first_line(bytes) == "180" { Fate::IsOvertaken } else { Fate::Arrives };
    for (method, status) in [(Method::Invite, 486), (Method::Invite, 200), (Method::Register, 200)] {
        let (client, _) = exchange(Transport::Udp, method, &[180, status], overtaken);
        assert_eq!(client, [format!("response {status}")], "{method:?}");
    }
}

#[test]
fn over_a_stream_each_message_is_sent_once() {
    let mut lines = Vec::new();
    let (client, server) = exchange(Transport::Tcp, Method::Invite, &[100, 180, 486], |bytes| {
        lines.push(first_line(bytes));
        Fate::Arrives
    });
    assert_eq!(lines, ["INVITE", "100", "180", "486", "ACK"]);
    assert_eq!(client, ["response 100", "response 180", "response 486"]);
    assert_eq!(server, ["request INVITE"]);
}

#[test]
fn a_2xx_is_not_resent_by_the_transaction() {
    let mut lines = Vec::new();
    let (client, server) = exchange(Transport::Udp, Method::Invite, &[200], |bytes| {
        lines.push(first_line(bytes));
        if first_line(bytes) == "200" { Fate::IsLost } else { Fate::Arrives }
    });
    assert_eq!(lines.iter().filter(|line| *line == "200").count(), 1, "its resends are the dialog's");
    assert_eq!(
        (client, server),
        (vec!["client failed: Timeout".to_owned()], vec!["request INVITE".to_owned()])
    );
}
