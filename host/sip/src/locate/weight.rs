//! The order of SRV records: by priority, and within one by chance in proportion to the weights (RFC 2782).

use rand::Rng;

use super::Srv;

/// Puts the records in the order in which they are to be tried.
pub(super) fn in_order(mut servers: Vec<Srv>, rng: &mut impl Rng) -> Vec<Srv> {
    // Records of weight 0 come first, so that they have a small chance of being chosen; the sort keeps the order of the
    // answer otherwise.
    servers.sort_by_key(|server| (server.priority, server.weight != 0));
    let mut ordered = Vec::with_capacity(servers.len());
    while let Some(priority) = servers.first().map(|server| server.priority) {
        let alike = servers.iter().take_while(|server| server.priority == priority).count();
        let chosen = draw(&servers[..alike], rng);
        ordered.push(servers.remove(chosen));
    }
    ordered
}

/// Chooses one of the records: the first whose running sum of weights reaches a number drawn from 0 to the whole sum.
fn draw(servers: &[Srv], rng: &mut impl Rng) -> usize {
    let sum: u64 = servers.iter().map(|server| u64::from(server.weight)).sum();
    // The sum is below 2^23, so that the remainder prefers no number noticeably.
    let drawn = rng.next_u64() % (sum + 1);
    let mut running = 0;
    servers
        .iter()
        .position(|server| {
            running += u64::from(server.weight);
            running >= drawn
        })
        .unwrap_or_default()
}
