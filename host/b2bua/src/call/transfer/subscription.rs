//! What a referrer is told: the subscription that its REFER implies (RFC 3515 §2.4.4, RFC 6665).
//!
//! One NOTIFY at a time: the next goes out when the last is answered, so that they cannot overtake each other, and of several
//! that wait only the latest does.

use std::time::{Duration, Instant};

use cordboard_media::command::Side;
use cordboard_sip::message::{Message, StartLine};
use cordboard_sip::transaction::ClientTransactionId;
use cordboard_sip::{HeaderName, Method, StatusCode};

use super::super::Call;
use super::super::bridge::{Incoming, reply};
use super::super::facts::text;
use super::super::start::status;
use crate::context::{ClientUse, Context};

/// The one event package that we know (RFC 3515 §2.4.6).
pub(crate) const PACKAGE: &str = "refer";

/// The status line of a response, as a NOTIFY reports it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Report {
    status: StatusCode,
    phrase: String,
}

impl Report {
    pub(crate) fn of_status(code: u16) -> Self {
        let status = status(code);
        Self { status, phrase: status.usual_reason().to_owned() }
    }

    pub(crate) fn of(response: &Message) -> Option<Self> {
        let StartLine::Response { status, reason } = response.start() else { return None };
        Some(Self { status, phrase: text(reason) })
    }

    /// Whether nothing can come after it.
    fn is_final(&self) -> bool {
        !self.status.is_provisional()
    }
}

/// One of them.
pub(crate) struct Subscription {
    side: Side,
    /// CSeq number of the REFER.
    id: u32,
    /// Value of Event; names the REFER when the dialog had one before (RFC 3515 §2.4.6).
    event: String,
    ends: Instant,
    in_flight: Option<ClientTransactionId>,
    next: Option<Report>,
    /// What was reported last.
    last: Report,
    closed: bool,
    /// The referrer wants no more reports; why, for Subscription-State.
    ended: Option<&'static str>,
}

impl Subscription {
    /// Begins with `refer`, the REFER with this number among those of its dialog, counted from 0.
    pub(crate) fn new(side: Side, refer: &Message, number: usize, ends: Instant) -> Self {
        let id = refer.cseq().map_or(0, |cseq| cseq.number);
        let event = if number == 0 { "refer".to_owned() } else { format!("refer;id={id}") };
        let last = Report::of_status(100);
        Self { side, id, event, ends, in_flight: None, next: None, last, closed: false, ended: None }
    }

    /// Whether an Event of a peer means it: by the number of its REFER, or, of the first in a dialog, without.
    fn is_named(&self, event: &str) -> bool {
        let id = |event: &str| {
            let mut params = event.split(';').skip(1).map(str::trim);
            params.find_map(|param| param.strip_prefix("id=").map(str::to_owned))
        };
        id(event).is_none_or(|wanted| wanted == self.id.to_string())
            && (id(event).is_some() || id(&self.event).is_none())
    }

    /// Whether a NOTIFY waits for its response, or to be sent.
    pub(crate) fn is_waiting(&self) -> bool {
        self.in_flight.is_some() || self.next.is_some()
    }
}

fn subscription(call: &mut Call) -> Option<&mut Subscription> {
    call.transfer.as_mut()?.subscription.as_mut()
}

/// Tells the referrer how its transfer gets on; after a final report nothing more.
pub(crate) fn report(call: &mut Call, ctx: &mut Context, now: Instant, report: Report) {
    let Some(subscription) = subscription(call).filter(|subscription| !subscription.closed) else { return };
    subscription.closed = report.is_final();
    if !subscription.closed && now >= subscription.ends {
        (subscription.closed, subscription.ended) = (true, Some("timeout"));
    }
    subscription.last = report.clone();
    subscription.next = Some(report);
    if subscription.in_flight.is_none() {
        send(call, ctx, now);
    }
}

fn send(call: &mut Call, ctx: &mut Context, now: Instant) {
    let key = call.key;
    let Some(subscription) = subscription(call) else { return };
    let Some(report) = subscription.next.take() else { return };
    let (side, event) = (subscription.side, subscription.event.clone());
    let state = match subscription.ended {
        Some(reason) => format!("terminated;reason={reason}"),
        None if report.is_final() => "terminated;reason=noresource".to_owned(),
        None => format!("active;expires={}", left(now, subscription.ends).as_secs()),
    };
    let Some(leg) = call.leg_mut(side) else { return };
    let mut notify = leg.request(ctx, Method::Notify);
    notify.header(HeaderName::Event, event).header(HeaderName::SubscriptionState, state);
    let fragment = format!("SIP/2.0 {} {}\r\n", report.status, report.phrase);
    notify.body("message/sipfrag;version=2.0", fragment.into());
    let ours = ctx.send(now, leg.flow, &notify, key, ClientUse::Notify);
    if let Some(subscription) = self::subscription(call) {
        subscription.in_flight = Some(ours);
    }
}

fn left(now: Instant, ends: Instant) -> Duration {
    ends.saturating_duration_since(now).max(Duration::from_secs(1))
}

/// A NOTIFY got its final response, or (`None`) none. Any failure ends the subscription, and nothing else: the call is another
/// usage of the dialog (RFC 6665 §4.2.2, RFC 5057 §5.1).
pub(crate) fn answered(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    ours: ClientTransactionId,
    status: Option<StatusCode>,
) {
    let Some(subscription) = subscription(call) else { return };
    if subscription.in_flight.take_if(|waiting| *waiting == ours).is_none() {
        return;
    }
    if status.is_some_and(StatusCode::is_success) {
        send(call, ctx, now);
    } else if let Some(transfer) = &mut call.transfer {
        transfer.subscription = None;
    }
}

/// A SUBSCRIBE of the referrer: it refreshes the subscription of its REFER, or ends it with Expires: 0 (RFC 6665 §4.2.1, RFC 3515
/// §2.4.4). Either is answered by a NOTIFY with what was reported last (RFC 6665 §4.2.1.2). The transfer goes on in any case.
pub(crate) fn subscribe(call: &mut Call, ctx: &mut Context, now: Instant, request: &Incoming) {
    let event = request.message.value(HeaderName::Event).map(text).unwrap_or_default();
    let code = stray_subscribe(&request.message);
    let side = call.side_of(request.leg);
    let longest = ctx.settings.call.setup_timeout;
    let known = subscription(call).filter(|subscription| {
        !subscription.closed && Some(subscription.side) == side && subscription.is_named(&event)
    });
    let Some(known) = known.filter(|_| code == 403) else {
        let code = if code == 403 { 481 } else { code };
        return reply(ctx, now, request, code, |_, response| {
            response.header(HeaderName::AllowEvents, PACKAGE);
        });
    };
    let wish = request.message.expires().ok().flatten().map(|seconds| Duration::from_secs(seconds.into()));
    let granted = wish.unwrap_or(longest).min(longest);
    known.ends = now + granted;
    known.closed = granted.is_zero();
    known.ended = granted.is_zero().then_some("timeout");
    known.next = Some(known.last.clone());
    let is_free = known.in_flight.is_none();
    reply(ctx, now, request, 200, |ctx, response| {
        ctx.dialog_headers(&request.flow, response);
        response.header(HeaderName::Expires, granted.as_secs().to_string());
    });
    if is_free {
        send(call, ctx, now);
    }
}

/// What a SUBSCRIBE gets that belongs to no REFER: nobody subscribes to one otherwise (RFC 3515 §2.4.4), and `refer` is the only
/// package that we know.
pub(crate) fn stray_subscribe(subscribe: &Message) -> u16 {
    let package = subscribe.value(HeaderName::Event).unwrap_or_default();
    let package = package.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if package == PACKAGE.as_bytes() { 403 } else { 489 }
}

/// What a NOTIFY of a peer gets. We subscribe to nothing, so that none belongs to a subscription (RFC 6665 §4.1.3), and `refer`
/// is the only package that we know (§4.1.2.2).
pub(crate) fn stray_notify(notify: &Message) -> u16 {
    let package = notify.value(HeaderName::Event).unwrap_or_default();
    let package = package.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if package == PACKAGE.as_bytes() { 481 } else { 489 }
}
