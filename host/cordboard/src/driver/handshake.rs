//! TLS handshakes. They are calculated on a thread of their own: a signature takes longer than a whole call takes signalling, and
//! strangers who begin handshakes by the thousand must not use up the time that plugins have for an answer.
//!
//! How many there are at once is bounded by the limits of connections, which count a peer from before its handshake; how long one takes
//! is bounded here.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::movable::Movable;
use crate::tls::Tls;

/// Makes secured connections of plain ones.
#[derive(Clone)]
pub(crate) struct Handshakes {
    tls: Arc<Tls>,
    elsewhere: Arc<Elsewhere>,
}

/// The thread of handshakes, which ends with the last of us.
struct Elsewhere(Option<Runtime>);

impl Drop for Elsewhere {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // We may be dropped by a task, which must not wait. Connections do not live there, only unfinished handshakes.
            runtime.shutdown_background();
        }
    }
}

/// Why a connection could not be secured.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    /// The settings have no certificate (to be connected to) or no authorities (to connect).
    #[error("the section tls of the running configuration has nothing for this connection")]
    NotConfigured,
    /// What we should verify is neither a host name nor an address.
    #[error("{0:?} is no name that a certificate can have")]
    BadName(String),
    /// The peer took too long.
    #[error("the TLS handshake took too long")]
    TooLong,
    /// One side did not accept the other, or the connection broke.
    #[error("the TLS handshake failed: {0}")]
    Failed(#[from] io::Error),
}

/// A connection after its handshake.
type Secured = TlsStream<Movable>;

impl Handshakes {
    /// Handshakes with the settings of `tls`.
    ///
    /// # Errors
    /// When the kernel gives no thread.
    pub(crate) fn new(tls: Arc<Tls>) -> io::Result<Self> {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().thread_name("cordboard-tls").build()?;
        Ok(Self { tls, elsewhere: Arc::new(Elsewhere(Some(runtime))) })
    }

    /// With a peer of `sip.tls`.
    pub(super) async fn accept_sip(
        &self,
        stream: TcpStream,
        limit: Duration,
    ) -> Result<Secured, HandshakeError> {
        let config = self.tls.sip().ok_or(HandshakeError::NotConfigured)?;
        let secure = |stream| async move { Ok(TlsAcceptor::from(config).accept(stream).await?.into()) };
        self.elsewhere(stream, limit, secure).await
    }

    /// With a peer of `sip.wss`.
    pub(super) async fn accept_web(
        &self,
        stream: TcpStream,
        limit: Duration,
    ) -> Result<Secured, HandshakeError> {
        let config = self.tls.web().ok_or(HandshakeError::NotConfigured)?;
        let secure = |stream| async move { Ok(TlsAcceptor::from(config).accept(stream).await?.into()) };
        self.elsewhere(stream, limit, secure).await
    }

    /// With a peer that we connected to. Its certificate has to be for `name`: the host in the URI that led to it, whatever
    /// servers the DNS named (RFC 5922 §4).
    pub(super) async fn connect(
        &self,
        stream: TcpStream,
        name: &str,
        limit: Duration,
    ) -> Result<Secured, HandshakeError> {
        let config = self.tls.client().ok_or(HandshakeError::NotConfigured)?;
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let name = match bare.parse::<IpAddr>() {
            Ok(address) => ServerName::from(address),
            Err(_) => {
                ServerName::try_from(bare.to_owned()).map_err(|_| HandshakeError::BadName(bare.to_owned()))?
            }
        };
        let secure =
            |stream| async move { Ok(TlsConnector::from(config).connect(name, stream).await?.into()) };
        self.elsewhere(stream, limit, secure).await
    }

    /// Moves the connection to the other thread for its handshake, and back.
    async fn elsewhere<Doing>(
        &self,
        stream: TcpStream,
        limit: Duration,
        secure: impl FnOnce(Movable) -> Doing + Send + 'static,
    ) -> Result<Secured, HandshakeError>
    where
        Doing: Future<Output = io::Result<Secured>> + Send,
    {
        let stream = stream.into_std()?;
        let handshake = async move { secure(Movable::new(TcpStream::from_std(stream)?)).await };
        // The limit counts there: a connection that is closed meanwhile here leaves a task that ends by itself.
        let runtime = self.elsewhere.0.as_ref().expect("only drop takes it out");
        let handshake = runtime.spawn(async move { tokio::time::timeout(limit, handshake).await });
        let secured = handshake.await.map_err(io::Error::other)?;
        let mut secured = secured.map_err(|_| HandshakeError::TooLong)??;
        let socket = match &mut secured {
            TlsStream::Server(stream) => stream.get_mut().0,
            TlsStream::Client(stream) => stream.get_mut().0,
        };
        socket.settle_here()?;
        Ok(secured)
    }
}
