//! One request, one connection, to an address that has been checked.

mod names;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

pub use names::{Addresses, Names, SystemNames};

use crate::address::is_public;
use crate::origin::{Origin, Origins};

/// Addresses of one name that are tried, one after the other.
const MAX_ADDRESSES: usize = 4;

/// Status line and headers of a response together.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// Headers of a request or a response.
const MAX_HEADERS: usize = 100;

/// Headers that belong to the connection or to the framing of the message, which are ours.
const OURS: [HeaderName; 7] = [HOST, CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Such as `GET`.
    pub method: String,
    /// Absolute.
    pub url: String,
    /// In their order. Those of connection and framing are left out: they are ours.
    pub headers: Vec<(String, String)>,
    /// May be empty.
    pub body: Vec<u8>,
}

/// A response with any status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// In their order. A value that is not UTF-8 has replacement characters.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// What a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of the request's body.
    pub request_bytes: usize,
    /// Bytes of the response's body.
    pub response_bytes: usize,
    /// From resolving the name to the last byte.
    pub time: Duration,
}

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The request may not go there.
    #[error("the request is not allowed: {0}")]
    NotAllowed(String),
    /// There was none in time.
    #[error("no response in time")]
    Timeout,
    /// The request or the response is beyond its bound.
    #[error("more than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: usize,
    },
    /// Resolving, connecting, reading or writing failed.
    #[error("{0}")]
    Transport(String),
}

/// Sends requests. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    names: Arc<dyn Names>,
    tls: Arc<ClientConfig>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    /// `tls` says whom we believe; it should show nobody a certificate of ours.
    pub fn new(names: Arc<dyn Names>, tls: Arc<ClientConfig>) -> Self {
        Self { names, tls }
    }

    /// Sends a request and reads the response.
    ///
    /// # Errors
    /// When it may not go there, or there is no response within the bounds.
    pub async fn send(
        &self,
        request: Request,
        origins: &Origins,
        bounds: Bounds,
    ) -> Result<Response, Failure> {
        let url = Url::parse(&request.url).map_err(|error| {
            Failure::NotAllowed(format!("expected an absolute URL, found one that is none ({error})"))
        })?;
        let Some(origin) = origins.permits(&url) else {
            return Err(Failure::NotAllowed(format!(
                "{} is not among the origins that are granted",
                url.origin().ascii_serialization()
            )));
        };
        if request.body.len() > bounds.request_bytes {
            return Err(Failure::TooLarge { limit: bounds.request_bytes });
        }
        let message = message(request, &url)?;
        let exchange = self.exchange(message, origin, bounds.response_bytes);
        tokio::time::timeout(bounds.time, exchange).await.map_err(|_| Failure::Timeout)?
    }

    async fn exchange(
        &self,
        message: hyper::Request<Full<Bytes>>,
        origin: &Origin,
        limit: usize,
    ) -> Result<Response, Failure> {
        let stream = self.connect(origin).await?;
        let mut builder = http1::Builder::new();
        builder.max_buf_size(MAX_HEAD_BYTES).max_headers(MAX_HEADERS);
        let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // Ends with this function, whatever way.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let (head, body) = sender.send_request(message).await.map_err(broken)?.into_parts();
        let body = Limited::new(body, limit).collect().await.map_err(|error| {
            let is_large = error.downcast_ref::<LengthLimitError>().is_some();
            if is_large { Failure::TooLarge { limit } } else { Failure::Transport(error.to_string()) }
        })?;
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
        Ok(Response {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: body.to_bytes().into(),
        })
    }

    /// Connects to an address that has been checked, and to no other.
    async fn connect(&self, origin: &Origin) -> Result<Box<dyn Stream>, Failure> {
        let mut failed = String::new();
        for address in self.addresses(origin).await? {
            match TcpStream::connect(address).await {
                Ok(stream) if origin.is_secure() => return self.secure(stream, origin).await,
                Ok(stream) => return Ok(Box::new(stream)),
                Err(error) => failed = format!("{address} cannot be reached: {error}"),
            }
        }
        Err(Failure::Transport(failed))
    }

    async fn secure(&self, stream: TcpStream, origin: &Origin) -> Result<Box<dyn Stream>, Failure> {
        let name = match origin.host() {
            Host::Domain(name) => ServerName::try_from(name.clone()).map_err(broken)?,
            Host::Ipv4(address) => ServerName::from(IpAddr::V4(*address)),
            Host::Ipv6(address) => ServerName::from(IpAddr::V6(*address)),
        };
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        Ok(Box::new(connector.connect(name, stream).await.map_err(broken)?))
    }

    /// Where an origin leads. Not even one of its addresses may be of our own networks, unless the entry says so.
    async fn addresses(&self, origin: &Origin) -> Result<Vec<SocketAddr>, Failure> {
        let found = match origin.host() {
            Host::Ipv4(address) => vec![IpAddr::V4(*address)],
            Host::Ipv6(address) => vec![IpAddr::V6(*address)],
            Host::Domain(name) => {
                let found = self.names.addresses(name).await;
                found.map_err(|error| Failure::Transport(format!("{name} cannot be resolved: {error}")))?
            }
        };
        if found.is_empty() {
            return Err(Failure::Transport(format!("{} has no address", origin.host())));
        }
        match found.iter().find(|address| !origin.may_be_private() && !is_public(**address)) {
            Some(address) => Err(Failure::NotAllowed(format!(
                "{origin} leads to {address}, which is not of the public internet; the entry has to permit private addresses"
            ))),
            None => Ok(found
                .into_iter()
                .take(MAX_ADDRESSES)
                .map(|ip| SocketAddr::new(ip, origin.port()))
                .collect()),
        }
    }
}

/// What a connection is, with or without TLS.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The request as it goes out: path and query alone, with the host of the URL.
fn message(request: Request, url: &Url) -> Result<hyper::Request<Full<Bytes>>, Failure> {
    if request.headers.len() > MAX_HEADERS {
        return Err(Failure::Transport(format!("more than {MAX_HEADERS} headers")));
    }
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut message = hyper::Request::builder().method(request.method.as_str()).uri(path).header(HOST, host);
    for (name, value) in &request.headers {
        let name = HeaderName::try_from(name).map_err(broken)?;
        if !OURS.contains(&name) {
            message = message.header(name, HeaderValue::try_from(value).map_err(broken)?);
        }
    }
    message.body(Full::new(request.body.into())).map_err(broken)
}

fn broken(error: impl fmt::Display) -> Failure {
    Failure::Transport(error.to_string())
}

#[cfg(test)]
mod tests;
