//! The order of SRV records: by priority, and within one by chance in proportion to the weights (RFC 2782).

use rand::Rng;

/// Priority and weight of one of several places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    /// Lower ones come first.
    pub priority: u16,
    /// Its share within its priority.
    pub weight: u16,
}

/// Puts places in the order in which they are to be tried (RFC 2782).
pub fn in_order<T>(places: Vec<T>, share: impl Fn(&T) -> Share, rng: &mut impl Rng) -> Vec<T> {
    let mut places: Vec<(Share, T)> = places.into_iter().map(|place| (share(&place), place)).collect();
    // Places of weight 0 come first, so that they have a small chance of being chosen; the sort keeps the order otherwise.
    places.sort_by_key(|(share, _)| (share.priority, share.weight != 0));
    let mut ordered = Vec::with_capacity(places.len());
    while let Some(priority) = places.first().map(|(share, _)| share.priority) {
        let alike = places.iter().take_while(|(share, _)| share.priority == priority).count();
        let chosen = draw(&places[..alike], rng);
        ordered.push(places.remove(chosen).1);
    }
    ordered
}

/// Chooses one: the first whose running sum of weights reaches a number drawn from 0 to the whole sum.
fn draw<T>(places: &[(Share, T)], rng: &mut impl Rng) -> usize {
    let sum: u64 = places.iter().map(|(share, _)| u64::from(share.weight)).sum();
    // The sum is small beside 2^64, so that the remainder prefers no number noticeably.
    let drawn = rng.next_u64() % (sum + 1);
    let mut running = 0;
    places
        .iter()
        .position(|(share, _)| {
            running += u64::from(share.weight);
            running >= drawn
        })
        .unwrap_or_default()
}
