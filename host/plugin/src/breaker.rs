//! The circuit breaker of one plugin digest: a plugin that keeps failing is left alone for a while.
//!
//! It opens after 5 failures within 30 s, or when more than half of the last 20 questions failed. After a pause one question is let
//! through as a probe; the pause is 1 s at first and doubles up to 30 s with every probe that fails. Ten good seconds forget the past.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(30);
const FAILURES: usize = 5;
const RECENT: usize = 20;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const GOOD: Duration = Duration::from_secs(10);

/// The breaker. Reads no clock.
#[derive(Debug)]
pub(crate) struct Breaker {
    state: State,
    pause: Duration,
    /// Moments of the last failures, oldest first, at most [`FAILURES`].
    failures: VecDeque<Instant>,
    /// Whether each of the last [`RECENT`] questions failed.
    recent: VecDeque<bool>,
    /// The last turn, until somebody has told it.
    turn: Option<Turn>,
}

/// A breaker opens or closes. A probe that fails leaves it open, and is no turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// The plugin is left alone from now on.
    Opened,
    /// It is asked again.
    Closed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Questions go through.
    Closed {
        /// When it was closed after a probe; `None` when it has never opened or the past is forgotten.
        since: Option<Instant>,
    },
    /// No question goes through before this moment.
    Open {
        /// End of the pause.
        until: Instant,
    },
    /// One question is on its way and decides. Should its answer get lost, the next may probe at this moment.
    Probing {
        /// When the probe is given up.
        until: Instant,
    },
}

impl Breaker {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Closed { since: None },
            pause: FIRST_PAUSE,
            failures: VecDeque::new(),
            recent: VecDeque::new(),
            turn: None,
        }
    }

    /// Whether a question may be asked now.
    pub(crate) fn permits(&mut self, now: Instant) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until } | State::Probing { until } if now < until => false,
            State::Open { .. } | State::Probing { .. } => {
                self.state = State::Probing { until: now + LONGEST_PAUSE };
                true
            }
        }
    }

    /// Whether questions are refused.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed { .. })
    }

    /// Takes note of how a permitted question went.
    pub(crate) fn record(&mut self, now: Instant, failed: bool) {
        match self.state {
            State::Probing { .. } if failed => {
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                self.open(now);
            }
            State::Probing { .. } => {
                self.state = State::Closed { since: Some(now) };
                self.turn = Some(Turn::Closed);
            }
            State::Closed { since } => {
                if since.is_some_and(|since| now.duration_since(since) >= GOOD) && !failed {
                    self.pause = FIRST_PAUSE;
                    self.state = State::Closed { since: None };
                }
                self.remember(now, failed);
                if self.is_bad(now) {
                    self.open(now);
                    self.turn = Some(Turn::Opened);
                }
            }
            // Questions that were under way when it opened; they change nothing any more.
            State::Open { .. } => {}
        }
    }

    /// What has turned since this was asked last.
    pub(crate) fn take_turn(&mut self) -> Option<Turn> {
        self.turn.take()
    }

    fn remember(&mut self, now: Instant, failed: bool) {
        if failed {
            self.failures.push_back(now);
        }
        if self.failures.len() > FAILURES {
            self.failures.pop_front();
        }
        self.recent.push_back(failed);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    fn is_bad(&self, now: Instant) -> bool {
        let frequent = self.failures.len() == FAILURES
            && self.failures.front().is_some_and(|first| now.duration_since(*first) <= WINDOW);
        let failed = self.recent.iter().filter(|failed| **failed).count();
        frequent || (self.recent.len() == RECENT && failed * 2 > RECENT)
    }

    fn open(&mut self, now: Instant) {
        self.state = State::Open { until: now + self.pause };
        self.failures.clear();
        self.recent.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new();
        for _ in 0..FAILURES {
            assert!(breaker.permits(now));
            breaker.record(now, true);
        }
        breaker
    }

    #[test]
    fn five_failures_within_30_s_open_it() {
        let now = Instant::now();
        assert!(!opened(now).permits(now));
        let mut slow = Breaker::new();
        for step in 0..10 {
            slow.record(now + SECOND * 8 * step, true);
            slow.record(now + SECOND * 8 * step, false);
        }
        assert!(
            slow.permits(now + SECOND * 72),
            "a failure every 8 s is not frequent, and half is not more than half"
        );
    }

    #[test]
    fn more_than_half_of_20_questions_open_it() {
        let now = Instant::now();
        let mut breaker = Breaker::new();
        for step in 0..20 {
            breaker.record(now + SECOND * 10 * step, step % 2 == 0 || step == 19);
        }
        assert!(breaker.is_open());
    }

    #[test]
    fn one_probe_goes_through_after_the_pause_and_a_good_one_closes_it() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert!(!breaker.permits(now + SECOND / 2));
        assert!(breaker.permits(now + SECOND));
        assert!(!breaker.permits(now + SECOND), "only one at a time");
        breaker.record(now + SECOND, false);
        assert!(breaker.permits(now + SECOND));
    }

    #[test]
    fn the_pause_doubles_up_to_30_s_and_ten_good_seconds_forget_it() {
        let mut now = Instant::now();
        let mut breaker = opened(now);
        for pause in [1, 2, 4, 8, 16, 30, 30] {
            assert!(!breaker.permits(now + SECOND * pause - Duration::from_millis(1)), "{pause} s");
            now += SECOND * pause;
            assert!(breaker.permits(now), "{pause} s");
            breaker.record(now, true);
        }
        now += LONGEST_PAUSE;
        assert!(breaker.permits(now));
        breaker.record(now, false);
        now += GOOD;
        breaker.record(now, false);
        for _ in 0..FAILURES {
            breaker.record(now, true);
        }
        assert!(breaker.permits(now + FIRST_PAUSE), "the first pause again");
    }
}
