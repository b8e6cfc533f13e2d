//! One call as its caller sees it, and what many of them sum up to.
use std::time::{Duration, Instant};

/// Where a call is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// INVITE sent, nothing back.
    Calling,
    /// A provisional response came.
    Proceeding,
    /// Answered and acknowledged.
    Established,
    /// BYE sent.
    Leaving,
    /// BYE answered.
    Whole,
    /// A final response other than 2xx.
    Refused(u16),
}

/// A call.
pub(crate) struct Call {
    pub(crate) state: State,
    pub(crate) invited: Instant,
    pub(crate) trying: Option<Duration>,
    pub(crate) ringing: Option<Duration>,
    /// Our ACK, to be sent again when the 200 comes again.
    pub(crate) ack: String,
    /// Our BYE, ready to be sent.
    pub(crate) bye: String,
}

impl Call {
    pub(crate) fn new(invited: Instant) -> Self {
        let state = State::Calling;
        Self { state, invited, trying: None, ringing: None, ack: String::new(), bye: String::new() }
    }
}

/// What a run of calls showed.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Calls placed.
    pub placed: usize,
    /// Calls that went from INVITE to the answer of BYE.
    pub whole: usize,
    /// Calls refused, with the first status seen.
    pub refused: usize,
    /// The status of the first refusal.
    pub first_refusal: Option<u16>,
    /// Requests that we had to send again, as nothing came for half a second.
    pub resent_by_us: usize,
    /// Requests and responses that the PBX sent again.
    pub resent_by_pbx: usize,
    /// From INVITE to 100.
    pub trying: Delays,
    /// From INVITE to 180.
    pub ringing: Delays,
}

impl Run {
    /// Whether every call was whole and nothing was sent twice.
    pub fn is_clean(&self) -> bool {
        self.whole == self.placed && self.resent_by_us == 0 && self.resent_by_pbx == 0
    }

    pub(crate) fn sum_up(&mut self, calls: &[Call]) {
        self.placed = calls.len();
        self.whole = calls.iter().filter(|call| call.state == State::Whole).count();
        let refusals = calls.iter().filter_map(|call| match call.state {
            State::Refused(status) => Some(status),
            _ => None,
        });
        self.refused = refusals.clone().count();
        self.first_refusal = refusals.clone().next();
        self.trying = calls.iter().filter_map(|call| call.trying).collect();
        self.ringing = calls.iter().filter_map(|call| call.ringing).collect();
    }
}

/// Durations, sorted.
#[derive(Clone, Debug, Default)]
pub struct Delays(Vec<Duration>);

impl Delays {
    /// The smallest that `share` (0 to 1) of all are not above; zero when there are none.
    pub fn percentile(&self, share: f64) -> Duration {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index into a list of some thousands"
        )]
        let index = ((self.0.len() as f64 * share).ceil() as usize).saturating_sub(1);
        self.0.get(index).copied().unwrap_or_default()
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<Duration> for Delays {
    fn from_iter<I: IntoIterator<Item = Duration>>(delays: I) -> Self {
        let mut delays: Vec<Duration> = delays.into_iter().collect();
        delays.sort_unstable();
        Self(delays)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_hundred() {
        let delays: Delays = (1..=100).rev().map(Duration::from_millis).collect();
        for (share, expected) in [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)] {
            assert_eq!(delays.percentile(share), Duration::from_millis(expected), "{share}");
        }
        assert_eq!(Delays::default().percentile(0.5), Duration::ZERO);
    }
}
