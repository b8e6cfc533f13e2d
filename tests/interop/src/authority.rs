//! Certificates made for a test, and peers that use them.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

use crate::host::PATIENCE;

/// A connection with TLS around it.
pub(crate) type Secured = StreamOwned<ClientConnection, TcpStream>;

/// Somebody who signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a host name or address.
    pub(crate) fn sign(&self, name: &str) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// A peer that believes this authority only, and shows `identity` when it is asked.
    pub(crate) fn client(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        identity: Option<&Identity>,
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("it is an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(versions).expect("ring has both");
        let builder = builder.with_root_certificates(roots);
        Arc::new(match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes());
                let chain = chain.collect::<Result<Vec<_>, _>>().expect("it is PEM");
                let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("it is PEM");
                builder.with_client_auth_cert(chain, key).expect("they belong together")
            }
        })
    }
}

impl Identity {
    /// Writes `pbx.crt` and `pbx.key`.
    pub(crate) fn write(&self, folder: &Path) {
        std::fs::write(folder.join("pbx.crt"), &self.certificate).expect("it is written");
        std::fs::write(folder.join("pbx.key"), &self.key).expect("it is written");
    }
}

/// Connects, and finishes the handshake as far as one side can tell.
pub(crate) fn connect(address: SocketAddr, config: Arc<ClientConfig>) -> std::io::Result<Secured> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let name = ServerName::try_from("pbx.example").expect("a name");
    let connection = ClientConnection::new(config, name).map_err(std::io::Error::other)?;
    let mut secured = StreamOwned::new(connection, stream);
    secured.flush()?;
    Ok(secured)
}
