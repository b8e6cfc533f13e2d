//! What a phone is told to do with a call.

use std::time::Duration;

/// How a phone behaves when it calls.
#[derive(Clone, Debug)]
pub struct CallerPlan {
    /// CANCEL this long after the INVITE, unless the call was answered or refused before.
    pub cancel_after: Option<Duration>,
    /// BYE this long after the answer.
    pub hang_up_after: Option<Duration>,
    /// Whether answers are acknowledged. A phone that does not is one whose ACK never finds the way.
    pub acknowledges: bool,
    /// Falls silent for ever this long after the answer.
    pub dies_after: Option<Duration>,
    /// Header lines that are added to the INVITE.
    pub headers: Vec<(String, String)>,
    /// Max-Forwards of the INVITE.
    pub max_forwards: u8,
}

impl CallerPlan {
    /// Waits for an answer, however long it takes, and never hangs up.
    pub const fn waits() -> Self {
        Self {
            cancel_after: None,
            hang_up_after: None,
            acknowledges: true,
            dies_after: None,
            headers: Vec::new(),
            max_forwards: 70,
        }
    }

    /// Hangs up this long after the answer.
    pub fn hangs_up_after(talk: Duration) -> Self {
        Self { hang_up_after: Some(talk), ..Self::waits() }
    }

    /// Cancels this long after the INVITE.
    pub fn cancels_after(patience: Duration) -> Self {
        Self { cancel_after: Some(patience), ..Self::waits() }
    }
}

/// What a called phone does in the end.
#[derive(Clone, Debug, PartialEq)]
pub enum Manner {
    /// 200 with an SDP answer.
    Answers,
    /// This final status.
    Rejects(u16),
    /// 302 with these Contact values.
    Redirects(Vec<String>),
    /// Rings until the caller gives up.
    Rings,
    /// Says nothing at all, as a phone that was unplugged.
    Ignores,
}

/// How a phone behaves when it is called.
#[derive(Clone, Debug)]
pub struct CalleePlan {
    /// 180 this long after the INVITE; `None`: no 180.
    pub rings_after: Option<Duration>,
    /// What it does then.
    pub manner: Manner,
    /// How long after the INVITE it does so.
    pub after: Duration,
    /// BYE this long after the ACK.
    pub hang_up_after: Option<Duration>,
    /// Falls silent for ever this long after it answered.
    pub dies_after: Option<Duration>,
}

impl CalleePlan {
    /// Rings at once and answers after this time.
    pub const fn answers_after(after: Duration) -> Self {
        Self {
            rings_after: Some(Duration::ZERO),
            manner: Manner::Answers,
            after,
            hang_up_after: None,
            dies_after: None,
        }
    }

    /// Rings and then refuses with this status.
    pub fn rejects(status: u16, after: Duration) -> Self {
        Self { manner: Manner::Rejects(status), ..Self::answers_after(after) }
    }

    /// Sends the caller elsewhere at once.
    pub fn redirects(contacts: &[&str]) -> Self {
        let manner = Manner::Redirects(contacts.iter().map(|contact| (*contact).to_owned()).collect());
        Self { manner, rings_after: None, ..Self::answers_after(Duration::ZERO) }
    }

    /// Rings until the caller gives up.
    pub fn rings() -> Self {
        Self { manner: Manner::Rings, ..Self::answers_after(Duration::ZERO) }
    }

    /// Never says a word.
    pub fn ignores() -> Self {
        Self { manner: Manner::Ignores, rings_after: None, ..Self::answers_after(Duration::ZERO) }
    }
}
