//! A router that translates addresses, between two networks that are the kernel's own: network namespaces.
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::os::fd::AsFd as _;
use std::panic::resume_unwind;
use std::path::Path;
use std::process::Command;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Where `ip netns` keeps them.
const NAMESPACES: &str = "/run/netns";

/// How the namespaces of this test program begin; its process id follows.
const PREFIX: &str = "cordboard-nat-";

/// One of the networks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Behind the router: one host, whose address leads nowhere outside.
    Inside,
    /// Where the packets of everybody inside come from the router: one host.
    Outside,
}

/// A host inside, a router, and a host outside that knows no way inside. Gone when it is dropped.
pub struct Translation {
    names: [String; 3],
}

impl Translation {
    /// The host inside.
    pub const INSIDE: Ipv4Addr = Ipv4Addr::new(192, 168, 60, 2);
    /// The router, as those outside know it.
    pub const ROUTER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
    /// The host outside.
    pub const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);

    /// Makes it, with ports outside that are not those inside. `None` where this machine or this user cannot; the output of the test
    /// says which it was.
    pub fn where_possible() -> Option<Self> {
        match Self::make() {
            Ok(made) => {
                eprintln!("addresses are translated by a router in a network namespace");
                Some(made)
            }
            Err(why) => {
                eprintln!(
                    "addresses are translated by nobody but the phone itself, as there is no router: {why}"
                );
                None
            }
        }
    }

    fn make() -> Result<Self, String> {
        sweep();
        let names =
            ["inside", "router", "outside"].map(|what| format!("{PREFIX}{}-{what}", std::process::id()));
        let made = Self { names };
        let [inside, router, outside] = &made.names;
        for name in &made.names {
            ip(&format!("netns add {name}"))?;
            ip(&format!("-n {name} link set lo up"))?;
        }
        for (name, wire, address, theirs) in [
            (inside, "lan", Self::INSIDE, Ipv4Addr::new(192, 168, 60, 1)),
            (outside, "wan", Self::OUTSIDE, Self::ROUTER),
        ] {
            ip(&format!("link add {wire} netns {name} type veth peer name {wire} netns {router}"))?;
            for (name, address) in [(name, address), (router, theirs)] {
                ip(&format!("-n {name} address add {address}/24 dev {wire}"))?;
                ip(&format!("-n {name} link set {wire} up"))?;
            }
        }
        ip(&format!("-n {inside} route add default via 192.168.60.1"))?;
        let forwards = || fs::write("/proc/sys/net/ipv4/ip_forward", "1");
        within(router, forwards)?.map_err(|error| format!("the router may not forward: {error}"))?;
        made.nft("add table ip nat")?;
        made.nft("add chain ip nat leave { type nat hook postrouting priority srcnat ; }")?;
        made.nft("add rule ip nat leave oifname wan masquerade random")?;
        made.nft("add chain ip nat arrive { type nat hook prerouting priority dstnat ; }")?;
        Ok(made)
    }

    /// Datagrams from outside to these ports of the router go to the host inside.
    ///
    /// # Panics
    /// When the kernel does not take the rule.
    pub fn forward(&self, ports: &str) {
        let rule =
            format!("add rule ip nat arrive iifname wan udp dport {{ {ports} }} dnat to {}", Self::INSIDE);
        self.nft(&rule).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Does something there: sockets that are opened and programs that are started stay there.
    ///
    /// # Panics
    /// With what `act` panics with.
    pub fn at<T: Send>(&self, place: Place, act: impl FnOnce() -> T + Send) -> T {
        let [inside, _, outside] = &self.names;
        let name = if place == Place::Inside { inside } else { outside };
        within(name, act).unwrap_or_else(|error| panic!("{error}"))
    }

    fn nft(&self, rule: &str) -> Result<(), String> {
        within(&self.names[1], || run(Command::new("nft").arg(rule)))?
    }
}

impl Drop for Translation {
    fn drop(&mut self) {
        for name in &self.names {
            // One that was never made cannot be removed.
            let _ = ip(&format!("netns delete {name}"));
        }
    }
}

/// Removes what test programs left that were killed.
fn sweep() {
    let Ok(entries) = fs::read_dir(NAMESPACES) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            let _ = ip(&format!("netns delete {name}"));
        }
    }
}

/// Runs `act` in a thread that is in this namespace.
fn within<T: Send>(name: &str, act: impl FnOnce() -> T + Send) -> Result<T, String> {
    let path = Path::new(NAMESPACES).join(name);
    let entered = || {
        let namespace = File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let network = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(namespace.as_fd(), network)
            .map_err(|error| format!("a thread may not enter {name}: {error}"))?;
        Ok(act())
    };
    thread::scope(|scope| scope.spawn(entered).join()).unwrap_or_else(|panic| resume_unwind(panic))
}

fn ip(arguments: &str) -> Result<(), String> {
    run(Command::new("ip").args(arguments.split(' ')))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {told}")) }
}
