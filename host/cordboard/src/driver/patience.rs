//! How long a peer on a connection may be silent.
//!
//! It has `message_timeout` for its first message and for each message it begins, and `idle_timeout` between messages.

use std::time::{Duration, Instant};

use super::streams::Ticket;

/// Until when the peer may take its time.
pub(super) struct Patience {
    message: Duration,
    idle: Duration,
    /// Whether a whole message has come.
    spoken: bool,
    /// Whether part of a message is waiting for its rest.
    partial: bool,
    /// When it has taken too long.
    pub(super) until: Instant,
}

impl Patience {
    /// That with a peer of which nothing has come yet.
    pub(super) fn new(ticket: &Ticket) -> Self {
        // Who asked for the connection has something to say; the peer may answer when it likes.
        let spoken = ticket.asked_by.is_some();
        let (message, idle) = (ticket.limits.message_timeout, ticket.limits.idle_timeout);
        let until = super::now() + if spoken { idle } else { message };
        Self { message, idle, spoken, partial: false, until }
    }

    /// Bytes came. A message that has begun does not get more time by each of its bytes.
    pub(super) fn renew(&mut self, now: Instant, spoken: bool, empty: bool) {
        let continues = self.partial && !spoken;
        self.spoken |= spoken;
        self.partial = !empty;
        if self.partial && !continues {
            self.until = if self.spoken { now + self.message } else { self.until };
        } else if !self.partial && self.spoken {
            self.until = now + self.idle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: Duration = Duration::from_secs(30);
    const IDLE: Duration = Duration::from_secs(4200);

    fn patience() -> (Patience, Instant) {
        let begin = super::super::now();
        let until = begin + MESSAGE;
        (Patience { message: MESSAGE, idle: IDLE, spoken: false, partial: false, until }, begin)
    }

    fn after(begin: Instant, seconds: u64) -> Instant {
        begin + Duration::from_secs(seconds)
    }

    #[test]
    fn a_peer_that_drips_its_first_message_gets_no_more_time_by_each_drop() {
        let (mut patience, begin) = patience();
        for second in 1..30 {
            patience.renew(after(begin, second), false, false);
            assert_eq!(patience.until, begin + MESSAGE);
        }
    }

    #[test]
    fn keep_alives_alone_do_not_keep_a_connection_that_never_said_anything() {
        let (mut patience, begin) = patience();
        patience.renew(after(begin, 10), false, true);
        assert_eq!(patience.until, begin + MESSAGE);
    }

    #[test]
    fn a_peer_that_has_spoken_may_be_idle() {
        let (mut patience, begin) = patience();
        patience.renew(after(begin, 10), true, true);
        assert_eq!(patience.until, after(begin, 10) + IDLE);
        patience.renew(after(begin, 100), false, true);
        assert_eq!(patience.until, after(begin, 100) + IDLE, "a keep-alive renews it");
    }

    #[test]
    fn each_message_has_its_own_time_from_its_first_byte() {
        let (mut patience, begin) = patience();
        patience.renew(after(begin, 1), true, true);
        patience.renew(after(begin, 50), false, false);
        assert_eq!(patience.until, after(begin, 50) + MESSAGE);
        patience.renew(after(begin, 60), false, false);
        assert_eq!(patience.until, after(begin, 50) + MESSAGE);
        patience.renew(after(begin, 70), true, false);
        assert_eq!(patience.until, after(begin, 70) + MESSAGE, "the next message began");
    }
}
