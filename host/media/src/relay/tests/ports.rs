//! The sockets of calls: which ports they get, and when others get them.

use super::*;

#[test]
fn quarantine_keeps_a_block_back() {
    let (relay, told) = start(RelaySettings { quarantine: Duration::from_secs(3600), ..settings(2) });
    let first = allocate(&relay, 1).unwrap();
    release(&relay, &told, 1);
    assert_eq!(relay.port_use(), PortUse { allocated: 0, quarantined: 8, total: 16 });
    assert_ne!(allocate(&relay, 2), Some(first));
    assert_eq!(relay.port_use(), PortUse { allocated: 8, quarantined: 8, total: 16 });
    assert_eq!(allocate(&relay, 3), None);
}

#[test]
fn ten_thousand_calls_lose_no_port() {
    let (relay, told) = start(RelaySettings { threads: 2, ..settings(4) });
    for round in 0..2_500 {
        let ids = (0..4).map(|n| round * 4 + n);
        for id in ids.clone() {
            assert!(allocate(&relay, id).is_some(), "call {id}");
        }
        assert_eq!(allocate(&relay, u64::MAX), None, "four blocks are four calls");
        for id in ids {
            relay.command(MediaCommand::Release { media: MediaId(id) });
        }
    }
    for _ in 0..10_000 {
        let reply = told.recv_timeout(PATIENCE).expect("every end is told");
        assert!(matches!(reply, MediaReply::Released { .. }), "{reply:?}");
    }
    assert_eq!(relay.port_use(), PortUse { allocated: 0, quarantined: 0, total: 32 });
}

#[test]
fn ports_of_another_process_are_passed_over() {
    let settings = settings(3);
    let (first, _) = settings.ports;
    let _other = UdpSocket::bind((home(), first + 4)).unwrap();
    let (relay, _told) = start(settings);
    assert_eq!(allocate(&relay, 1).unwrap().caller[0], first + 8);
    let failure = relay.take_bind_failure().expect("it is known which port was refused").to_string();
    assert!(
        failure.starts_with(&format!("cannot bind UDP {}:{} for media: ", home(), first + 4)),
        "{failure}"
    );
    assert!(relay.take_bind_failure().is_none(), "said once");
    assert_eq!(allocate(&relay, 2).unwrap().caller[0], first + 16);
    assert_eq!(allocate(&relay, 3), None);
}

#[test]
fn an_address_that_is_not_ours_exhausts_at_once() {
    let (relay, _told) = start(settings(2));
    let elsewhere: IpAddr = "192.0.2.1".parse().unwrap();
    assert_eq!(allocate_at(&relay, 1, elsewhere, elsewhere), None);
    assert!(allocate(&relay, 2).is_some(), "and harms nothing");
}

#[test]
fn a_block_moves_to_other_addresses() {
    let (relay, told) = start(settings(1));
    let other: IpAddr = Ipv4Addr::LOCALHOST.into();
    for (media, address) in [home().into(), other, Ipv6Addr::LOCALHOST.into()].into_iter().enumerate() {
        let media = media as u64;
        let ports = allocate_at(&relay, media, address, address).unwrap();
        let [mut caller, callee] = [Phone::at(address), Phone::at(address)];
        announce(&relay, media, Side::Caller, caller.announces());
        announce(&relay, media, Side::Callee, callee.announces());
        let said = caller.says("here", ports.caller[0]);
        assert_eq!(callee.hears().0, said, "{address}");
        release(&relay, &told, media);
    }
}

#[test]
fn a_range_without_a_block_is_refused() {
    let settings = RelaySettings { ports: (10_001, 10_008), ..settings(1) };
    let error = Relay::start(settings, |_| {}).expect_err("seven ports are no block").to_string();
    assert!(error.contains("10001-10008") && error.contains("8 ports"), "{error}");
}

#[test]
fn dropping_the_relay_frees_the_ports() {
    let settings = settings(1);
    let (first, _) = settings.ports;
    let (relay, _told) = start(settings);
    allocate(&relay, 1).unwrap();
    assert!(UdpSocket::bind((home(), first)).is_err(), "bound while the relay lives");
    drop(relay);
    UdpSocket::bind((home(), first)).expect("free again");
}

#[test]
fn packets_are_marked_for_the_network() {
    for address in [home().into(), IpAddr::from(Ipv6Addr::LOCALHOST)] {
        let (relay, _told) = start(RelaySettings { dscp: Some(46), ..settings(1) });
        let (_, sockets) = relay.desk().reserve(Addresses { caller: address, callee: address }).unwrap();
        assert_eq!(sockets.len(), 4);
        for (_, socket) in sockets {
            let octet = if address.is_ipv4() {
                rustix::net::sockopt::ip_tos(&socket).unwrap().into()
            } else {
                rustix::net::sockopt::ipv6_tclass(&socket).unwrap()
            };
            assert_eq!(octet, 46 << 2);
        }
        assert!(relay.take_dscp_failure().is_none());
    }
}

#[test]
fn video_ports_of_another_process_are_reported_and_audio_goes_on() {
    let settings = settings(1);
    let (first, _) = settings.ports;
    let _other = UdpSocket::bind((home(), first + 2)).unwrap();
    let (relay, _told) = start(settings);
    let [mut caller, callee] = [Phone::new(), Phone::new()];
    let ports = allocate(&relay, 1).unwrap();
    let streams = [Some(caller.announces()), Some(caller.announces())];
    let reply = relay.command(announcement(1, Side::Caller, streams));
    assert_eq!(reply, Some(MediaReply::Exhausted { media: MediaId(1) }));
    announce(&relay, 1, Side::Callee, callee.announces());
    let said = caller.says("still here", ports.caller[0]);
    assert_eq!(callee.hears().0, said);
}
