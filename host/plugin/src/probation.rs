//! The first questions of a new generation, while the one before is ready to take over again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::settings::ProbationSettings;

/// Failures below which nothing is concluded.
const MIN_FAILURES: u64 = 3;

/// Failed questions in a hundred that are put down to chance.
const TOLERATED_PERCENT: u64 = 5;

/// Questions, and how many of them failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Questions that were asked.
    pub asked: u64,
    /// Those without a usable answer.
    pub failed: u64,
}

impl Tally {
    /// Takes note of one question.
    pub(crate) fn note(&mut self, failed: bool) {
        self.asked += 1;
        self.failed += u64::from(failed);
    }

    /// Whether so many failures are no accident: at least three, and more than twice the share of `before` and five in a hundred.
    pub(crate) fn is_worse_than(self, before: Self) -> bool {
        let tolerated = (200 * before.failed).checked_div(before.asked).unwrap_or(0) + TOLERATED_PERCENT;
        self.failed >= MIN_FAILURES && self.failed * 100 > self.asked * tolerated
    }
}

/// How a probation ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Judgement {
    /// It does no worse than the one before.
    Passed,
    /// It does worse; why.
    Failed(String),
}

/// A generation on probation. Reads no clock.
pub(crate) struct Probation {
    settings: ProbationSettings,
    since: Instant,
    /// What the generation before had done when it was taken off.
    before: Tally,
    /// Held for a moment by every question.
    state: Mutex<State>,
}

struct State {
    tally: Tally,
    is_over: bool,
}

impl Probation {
    pub(crate) fn new(settings: ProbationSettings, since: Instant, before: Tally) -> Self {
        let state = Mutex::new(State { tally: Tally::default(), is_over: false });
        Self { settings, since, before, state }
    }

    /// Takes note of one question. The judgement when this was the one that decides, once.
    pub(crate) fn note(&self, now: Instant, failed: bool, breaker_is_open: bool) -> Option<Judgement> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_over {
            return None;
        }
        state.tally.note(failed);
        let judgement = self.judge(now, state.tally, breaker_is_open);
        state.is_over = judgement.is_some();
        judgement
    }

    /// What it has done so far, and how long it is on probation.
    pub(crate) fn so_far(&self, now: Instant) -> (Tally, Duration) {
        let tally = self.state.lock().unwrap_or_else(PoisonError::into_inner).tally;
        (tally, now.duration_since(self.since))
    }

    fn judge(&self, now: Instant, tally: Tally, breaker_is_open: bool) -> Option<Judgement> {
        let Tally { asked, failed } = tally;
        let before = self.before;
        if tally.is_worse_than(before) {
            let reason = format!(
                "{failed} of {asked} questions failed on probation, of the generation before {} of {}",
                before.failed, before.asked
            );
            return Some(Judgement::Failed(reason));
        }
        if breaker_is_open {
            let reason =
                format!("it failed so often on probation that its breaker opened ({failed} of {asked})");
            return Some(Judgement::Failed(reason));
        }
        let served = asked >= self.settings.questions && now.duration_since(self.since) >= self.settings.time;
        served.then_some(Judgement::Passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn tally(failed: u64, asked: u64) -> Tally {
        Tally { asked, failed }
    }

    #[test]
    fn a_generation_is_worse_with_three_failures_beyond_chance_and_beyond_twice_those_before() {
        for (name, now, before, expected) in [
            ("two failures are an accident", tally(2, 2), tally(0, 100), false),
            ("three in a row are none", tally(3, 3), tally(0, 100), true),
            ("three of 50 are more than one in twenty", tally(3, 50), tally(0, 0), true),
            ("three of 60 are not", tally(3, 60), tally(0, 0), false),
            ("as bad as before", tally(10, 50), tally(20, 100), false),
            ("twice as bad and a bit", tally(23, 50), tally(20, 100), true),
            ("before, everything failed", tally(50, 50), tally(7, 7), false),
        ] {
            assert_eq!(now.is_worse_than(before), expected, "{name}");
        }
    }

    #[test]
    fn it_has_passed_when_both_time_and_questions_have() {
        let settings = ProbationSettings { time: SECOND * 60, questions: 3 };
        let begin = Instant::now();
        let probation = Probation::new(settings, begin, Tally::default());
        for _ in 0..5 {
            assert_eq!(probation.note(begin + SECOND * 59, false, false), None);
        }
        assert_eq!(probation.note(begin + SECOND * 60, false, false), Some(Judgement::Passed));
        assert_eq!(probation.note(begin + SECOND * 60, true, true), None, "judged once");

        let quiet = Probation::new(settings, begin, Tally::default());
        assert_eq!(quiet.note(begin + SECOND * 600, false, false), None, "one question proves little");
    }

    #[test]
    fn a_breaker_that_opens_ends_it() {
        let begin = Instant::now();
        let probation = Probation::new(ProbationSettings::default(), begin, tally(50, 100));
        assert!(matches!(probation.note(begin, true, true), Some(Judgement::Failed(_))));
    }
}
