//! Messages on a WebSocket (RFC 7118): each frame is one SIP message.

use std::time::Duration;

use bytes::Bytes;
use cordboard_b2bua::Input;
use cordboard_sip::message::MAX_MESSAGE_BYTES;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::connection::{Cut, PONG, WRITE_TIMEOUT};
use super::patience::Patience;
use super::shell::Handle;
use super::streams::{Ticket, Writes};

/// The subprotocol that both sides have to agree on (RFC 7118 §4).
const SUBPROTOCOL: &str = "sip";

/// How often we ping, so that proxies and address translation on the way keep the connection: most forget it after a minute.
const PING_EVERY: Duration = Duration::from_secs(25);

/// Buffers of one connection. A message larger than them makes them grow, up to its size.
const BUFFER: usize = 4096;

/// Runs from the handshake until either side ends it.
pub(super) async fn run(
    shell: &Handle,
    ticket: &mut Ticket,
    stream: impl AsyncRead + AsyncWrite + Unpin,
) -> Result<(), Cut> {
    let handshake = accept_hdr_async_with_config(stream, agree, Some(limits()));
    let socket = tokio::time::timeout(ticket.limits.connect_timeout, handshake).await;
    let socket = socket.map_err(|_| Cut::Silent)?.map_err(cut)?;
    let (frames_out, frames_in) = socket.split();
    let writes = ticket.take_writes();
    tokio::select! {
        outcome = read(shell, ticket, frames_in) => outcome,
        outcome = write(writes, frames_out) => outcome,
    }
}

fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * MAX_MESSAGE_BYTES)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
}

/// Agrees on SIP, or refuses who came for something else.
#[expect(clippy::result_large_err, reason = "the library asks for this type")]
fn agree(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offers = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let offers = offers.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    if offers.map(str::trim).any(|offer| offer.eq_ignore_ascii_case(SUBPROTOCOL)) {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        return Ok(response);
    }
    let help = "expected the WebSocket subprotocol sip (RFC 7118), as in new WebSocket(url, \"sip\")\n";
    let mut refusal = ErrorResponse::new(Some(help.to_owned()));
    *refusal.status_mut() = StatusCode::BAD_REQUEST;
    Err(refusal)
}

async fn read(
    shell: &Handle,
    ticket: &Ticket,
    mut frames: impl Stream<Item = Result<Message, Error>> + Unpin,
) -> Result<(), Cut> {
    let mut patience = Patience::new(ticket);
    loop {
        let next = tokio::time::timeout_at(patience.until.into(), frames.next());
        let frame = match next.await.map_err(|_| Cut::Silent)? {
            None | Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) => return Ok(()),
            Some(frame) => frame.map_err(cut)?,
        };
        let spoken = match &frame {
            Message::Text(text) => take(shell, ticket, text.as_bytes()),
            Message::Binary(bytes) => take(shell, ticket, bytes),
            // The library answers pings by itself.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => false,
            Message::Close(_) => return Ok(()),
        };
        patience.renew(super::now(), spoken, true);
    }
}

/// Feeds a message; `false` when it is a keep-alive in the way of streams, which RFC 7118 §6 allows here too.
fn take(shell: &Handle, ticket: &Ticket, bytes: &[u8]) -> bool {
    if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
        if bytes.len() > PONG.len() {
            ticket.answer(Bytes::from_static(PONG));
        }
        return false;
    }
    // A message may live as long as its call, and must not keep the buffer that it was read into.
    let bytes = Bytes::copy_from_slice(bytes);
    shell.feed(super::now(), Input::Received { flow: ticket.flow, bytes });
    true
}

async fn write(mut writes: Writes, mut frames: impl Sink<Message, Error = Error> + Unpin) -> Result<(), Cut> {
    loop {
        let frame = tokio::select! {
            bytes = writes.next() => match bytes {
                Some(bytes) => frame(bytes),
                None => break,
            },
            () = tokio::time::sleep(PING_EVERY) => Message::Ping(Bytes::new()),
        };
        tokio::time::timeout(WRITE_TIMEOUT, frames.send(frame))
            .await
            .map_err(std::io::Error::from)?
            .map_err(cut)?;
    }
    tokio::time::timeout(WRITE_TIMEOUT, frames.close()).await.map_err(std::io::Error::from)?.map_err(cut)
}

/// Text where it can be, as all browsers' SIP stacks read it; a body that is no UTF-8 makes it binary (RFC 7118 §5).
fn frame(bytes: Bytes) -> Message {
    match Utf8Bytes::try_from(bytes.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(bytes),
    }
}

fn cut(error: Error) -> Cut {
    match error {
        Error::Io(error) => Cut::Network(error),
        error => Cut::WebSocket(Box::new(error)),
    }
}
