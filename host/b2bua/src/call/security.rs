//! SRTP with keys in the SDP (RFC 4568): whose encryption passes, and whose ends at the relay.
//!
//! A target says what it wants ([`Srtp`]). Where both legs have SRTP, or none has, keys and packets pass as they are. Where only one
//! has it, it ends here: that leg is shown our keys, the other one a description without any.
//!
//! Whoever made the latest offer ([`super::Media::offerer`]) names the suites; the answer takes one of them.

use cordboard_media::command::{Keys, RemoteStream, STREAMS, Side, StreamKeys};
use cordboard_media::sdp::{CryptoLine, Encryption, Session};
use cordboard_media::srtp::{MASTER_BYTES, MasterKey, Suite};
use cordboard_model::Srtp;
use rand::{Rng, RngExt};

use super::{Call, opposite};
use crate::context::Context;

/// Our keys towards one leg: one for each stream and suite, because a key belongs to one suite only (RFC 4568 §6.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OurKeys(Box<[[MasterKey; Suite::ALL.len()]; STREAMS]>);

/// The encryption of the two legs: of one that ends here our keys, of one that passes none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Security {
    pub(crate) caller: Option<OurKeys>,
    pub(crate) callee: Option<OurKeys>,
    /// The callee's leg must be encrypted, whoever does it.
    pub(crate) required: bool,
}

/// An encryption that was wanted cannot be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Impossible;

impl OurKeys {
    pub(crate) fn random(rng: &mut impl Rng) -> Self {
        let mut key = |_| MasterKey::new(rng.random::<[u8; MASTER_BYTES]>());
        Self(Box::new(std::array::from_fn(|_| std::array::from_fn(&mut key))))
    }

    /// One line for each suite, best first.
    fn offer(&self) -> [Vec<CryptoLine>; STREAMS] {
        let line = |(place, key): (usize, &MasterKey)| CryptoLine {
            tag: place as u32 + 1,
            suite: Suite::ALL[place],
            key: key.clone(),
        };
        std::array::from_fn(|stream| self.0[stream].iter().enumerate().map(line).collect())
    }

    /// For each stream the line that answers the first one of the peer that we can use.
    fn answer(&self, offer: &Session) -> [Vec<CryptoLine>; STREAMS] {
        let lines = offer.crypto();
        std::array::from_fn(|stream| {
            let taken = lines[stream].first();
            let line = |taken: &CryptoLine| CryptoLine {
                tag: taken.tag,
                suite: taken.suite,
                key: self.of(stream, taken.suite).clone(),
            };
            taken.map(line).into_iter().collect()
        })
    }

    /// What a stream of a peer is encrypted with, by what it says. `is_offer`: it names the suites, otherwise it takes one of ours.
    fn agreed(&self, session: &Session, is_offer: bool) -> Keys {
        let lines = session.crypto();
        std::array::from_fn(|stream| {
            let line = lines[stream].first()?;
            let known = is_offer || Suite::ALL.get(line.tag.checked_sub(1)? as usize) == Some(&line.suite);
            let keys = || StreamKeys {
                suite: line.suite,
                receive: line.key.clone(),
                send: self.of(stream, line.suite).clone(),
            };
            known.then(|| Box::new(keys()))
        })
    }

    fn of(&self, stream: usize, suite: Suite) -> &MasterKey {
        let place = Suite::ALL.iter().position(|known| *known == suite).expect("ALL has every suite");
        &self.0[stream][place]
    }
}

impl Security {
    /// What a target wants, given the offer of the caller; without an offer nothing can end here. `plain`: the target has refused
    /// encryption that it was only preferred to have.
    ///
    /// # Errors
    /// When the caller's offer has no encryption that can end here.
    pub(crate) fn wanted(
        srtp: Srtp,
        offer: Option<&Session>,
        plain: bool,
        rng: &mut impl Rng,
    ) -> Result<Self, Impossible> {
        let required = srtp == Srtp::Required;
        let Some(offer) = offer else { return Ok(Self { required, ..Self::default() }) };
        let secure = is_secure(offer);
        match srtp {
            Srtp::Off if secure => Self::ending_at_the_caller(offer, rng),
            Srtp::Preferred if secure && plain => Self::ending_at_the_caller(offer, rng),
            Srtp::Preferred if plain => Ok(Self::default()),
            Srtp::Required | Srtp::Preferred if !secure => {
                Ok(Self { callee: Some(OurKeys::random(rng)), required, caller: None })
            }
            Srtp::Unspecified | Srtp::Off | Srtp::Preferred | Srtp::Required => {
                Ok(Self { required, ..Self::default() })
            }
        }
    }

    fn ending_at_the_caller(offer: &Session, rng: &mut impl Rng) -> Result<Self, Impossible> {
        let usable = |stream: usize| offer.remote()[stream].is_none() || !offer.crypto()[stream].is_empty();
        if !(0..STREAMS).all(usable) {
            return Err(Impossible);
        }
        Ok(Self { caller: Some(OurKeys::random(rng)), ..Self::default() })
    }

    /// Our keys towards a side whose encryption ends here.
    pub(crate) fn of(&self, side: Side) -> Option<&OurKeys> {
        match side {
            Side::Caller => self.caller.as_ref(),
            Side::Callee => self.callee.as_ref(),
        }
    }

    /// How a description of the other leg is shown to `side`. `offer` is what `side` itself offered, if this is the answer.
    pub(crate) fn shown_to(&self, side: Side, offer: Option<&Session>) -> Encryption {
        match (self.of(side), self.of(opposite(side)), offer) {
            (Some(ours), _, Some(offer)) => Encryption::Added(ours.answer(offer)),
            (Some(ours), _, None) => Encryption::Added(ours.offer()),
            (None, Some(_), _) => Encryption::Removed,
            (None, None, _) => Encryption::Passed,
        }
    }

    /// The streams of `side` by its description, with the keys of those whose encryption ends here. One of these without a key
    /// is left out, so that nothing of it passes in clear.
    pub(crate) fn streams(
        &self,
        side: Side,
        session: &Session,
        is_offer: bool,
    ) -> ([Option<RemoteStream>; STREAMS], Keys) {
        let (mut streams, keys) = (session.remote(), self.keys(side, session, is_offer));
        if self.of(side).is_some() {
            for (stream, keys) in streams.iter_mut().zip(&keys) {
                *stream = stream.filter(|_| keys.is_some());
            }
        }
        (streams, keys)
    }

    fn keys(&self, side: Side, session: &Session, is_offer: bool) -> Keys {
        self.of(side).map_or([None, None], |ours| ours.agreed(session, is_offer))
    }

    /// Whether the description of a leg has the encryption that it must have.
    pub(crate) fn accepts(&self, side: Side, session: &Session, is_offer: bool) -> bool {
        let keys = self.keys(side, session, is_offer);
        let has_keys = self.of(side).is_none() || each_stream(session, |stream| keys[stream].is_some());
        let must = self.required && side == Side::Callee;
        has_keys && (!must || is_secure(session))
    }
}

/// Whether every stream of a description is SRTP, and there is one.
fn is_secure(session: &Session) -> bool {
    let streams = session.remote();
    let mut present = streams.iter().flatten().peekable();
    present.peek().is_some() && present.all(|stream| stream.secure)
}

fn each_stream(session: &Session, holds: impl Fn(usize) -> bool) -> bool {
    let streams = session.remote();
    (0..STREAMS).all(|stream| streams[stream].is_none() || holds(stream))
}

impl Call {
    /// Whether `side` may say this: where its encryption ends here, a description without keys would be one in clear.
    pub(crate) fn accepts(&self, side: Side, session: &Session, is_offer: bool) -> bool {
        self.media.security.accepts(side, session, is_offer)
    }

    /// The encryption that the target of a fork wants.
    ///
    /// # Errors
    /// When it cannot be had with the caller's offer.
    pub(crate) fn security_for(&mut self, ctx: &mut Context, place: usize) -> Result<Security, Impossible> {
        let fork = &self.setup.forks[place];
        let srtp = self.setup.trials[fork.trial].target.srtp;
        let offer = self.invite.offer.as_ref();
        let mut security = Security::wanted(srtp, offer, fork.refuses_encryption, &mut ctx.rng)?;
        if let Some(keys) = security.caller.take() {
            security.caller = Some(self.media.caller_keys.get_or_insert(keys).clone());
        }
        Ok(security)
    }

    /// From now on encryption and digits are those of this fork: its session is what the caller gets to see.
    pub(crate) fn adopt(&mut self, ctx: &mut Context, place: usize) {
        let security = self.setup.forks[place].security.clone();
        let changes = security.caller != self.media.security.caller;
        self.media.callee_takes_info = self.setup.forks[place].takes_info;
        self.media.security = security;
        if changes && let Some(session) = self.media.caller_session.clone() {
            self.announce(ctx, Side::Caller, &session);
        }
    }
}
