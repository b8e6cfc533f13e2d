//! Certificates made for a test, and peers that use them.
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned, SupportedProtocolVersion,
};

/// A connection that we made, with TLS around it.
pub type Secured = StreamOwned<ClientConnection, TcpStream>;

/// Somebody who signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// One with a key of its own, which nobody believes yet.
    ///
    /// # Panics
    /// When the machine gives no random bytes.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority of a test");
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// Its own certificate, in PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a host name or address.
    ///
    /// # Panics
    /// When it is neither.
    pub fn sign(&self, name: &str) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// A client that believes this authority only, and shows `identity` when it is asked.
    ///
    /// # Panics
    /// When certificate and key of the identity do not belong together.
    pub fn client(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        identity: Option<&Identity>,
    ) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(provider());
        let builder = builder.with_protocol_versions(versions).expect("ring has both");
        let builder = builder.with_root_certificates(self.roots());
        Arc::new(match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = identity.parts();
                builder.with_client_auth_cert(chain, key).expect("they belong together")
            }
        })
    }
}

impl Authority {
    /// A server that shows `identity`, and serves only clients with a certificate of this authority.
    ///
    /// # Panics
    /// When certificate and key of the identity do not belong together.
    pub fn server(&self, identity: &Identity) -> Arc<ServerConfig> {
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()), provider());
        let clients = clients.build().expect("there is an authority");
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.expect("ring has both").with_client_cert_verifier(clients);
        let (chain, key) = identity.parts();
        Arc::new(builder.with_single_cert(chain, key).expect("they belong together"))
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("it is an authority");
        roots
    }
}

impl Identity {
    fn parts(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let chain = CertificateDer::pem_slice_iter(self.certificate.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().expect("it is PEM");
        (chain, PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("it is PEM"))
    }

    /// Writes `pbx.crt` and `pbx.key`.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn write(&self, folder: &Path) {
        std::fs::write(folder.join("pbx.crt"), &self.certificate).expect("it is written");
        std::fs::write(folder.join("pbx.key"), &self.key).expect("it is written");
    }
}

/// The client's handshake, as far as one side can tell that it is finished.
///
/// # Errors
/// When the other side ends it.
///
/// # Panics
/// When `name` is neither a host name nor an address.
pub fn secure(stream: TcpStream, name: &str, config: Arc<ClientConfig>) -> io::Result<Secured> {
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
    let mut secured = StreamOwned::new(connection, stream);
    secured.flush()?;
    Ok(secured)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
