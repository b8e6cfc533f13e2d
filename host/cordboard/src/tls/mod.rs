//! TLS: who we are to peers, and whom we believe.
//!
//! [`TlsSettings`] is made of the files that the configuration names, read and checked as a whole. [`Tls`] holds those of the running
//! process; a reload replaces them for connections that begin from then on. TLS 1.2 and 1.3, by rustls; keys and the plain text of
//! a connection never leave it.

mod pem;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ConfigBuilder, ConfigSide, RootCertStore, ServerConfig, WantsVerifier};

/// The files of the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct TlsFiles {
    /// Our certificate and those that signed it, and our key. Without them nobody can connect to us.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    /// Who signs the certificates of peers that connect to `sip.tls`; `None`: such peers need none.
    pub(crate) client_ca: Option<PathBuf>,
    /// Who signs the certificates of peers that we connect to; `None`: whom the system believes.
    pub(crate) ca: Option<PathBuf>,
}

/// A file that TLS cannot be made of.
#[derive(Debug)]
pub(crate) struct Unusable {
    /// The key of the section `tls` that named it.
    pub(crate) key: &'static str,
    /// What was expected, what was found, what to do. Never what a key file contains.
    pub(crate) message: String,
}

/// Certificates and keys, ready to use.
#[derive(Clone, Default)]
pub(crate) struct TlsSettings {
    /// For connections to `sip.tls`.
    sip: Option<Arc<ServerConfig>>,
    /// For connections to `sip.wss`. Browsers are not asked for a certificate.
    web: Option<Arc<ServerConfig>>,
    /// For connections that we make.
    client: Option<Arc<ClientConfig>>,
    /// For requests to servers that plugins name, who are not told who we are.
    requests: Option<Arc<ClientConfig>>,
    /// How many authorities we believe when we connect.
    roots: usize,
}

impl TlsSettings {
    /// Reads the files. `connects` says whether we make connections, for which the system's authorities are read when no file
    /// names others.
    ///
    /// # Errors
    /// With every file that cannot be used.
    pub(crate) fn read(files: &TlsFiles, connects: bool) -> Result<Self, Vec<Unusable>> {
        let mut unusable = Vec::new();
        let mut told = |error| unusable.push(error);
        let identity = files.identity.as_ref().and_then(|files| identity(files).map_err(&mut told).ok());
        let clients =
            files.client_ca.as_ref().and_then(|file| authorities("client_ca", file).map_err(&mut told).ok());
        let believed = match &files.ca {
            Some(file) => authorities("ca", file).map_err(&mut told).ok(),
            None if connects => Some(of_the_system()),
            None => None,
        };
        if !unusable.is_empty() {
            return Err(unusable);
        }
        let roots = believed.as_ref().map_or(0, RootCertStore::len);
        let requests = believed.as_ref().map(|roots| client(roots.clone(), None));
        let client = believed.map(|roots| client(roots, identity.clone()));
        let sip = identity.clone().map(|identity| server(identity, clients)).transpose();
        let sip = sip.map_err(|error| vec![error])?;
        let web = identity.map(|identity| server(identity, None)).transpose().map_err(|error| vec![error])?;
        Ok(Self { sip, web, client, requests, roots })
    }

    /// How servers are met that plugins send requests to. When nobody was to be believed, nobody is.
    pub(crate) fn requests(&self) -> Arc<ClientConfig> {
        self.requests.clone().unwrap_or_else(|| client(RootCertStore::empty(), None))
    }

    /// How many authorities are believed when we connect.
    pub(crate) fn roots(&self) -> usize {
        self.roots
    }
}

/// Says what there is, and nothing of what is in it.
impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings")
            .field("identity", &self.sip.is_some())
            .field("roots", &self.roots)
            .finish()
    }
}

/// The TLS of the running process.
#[derive(Debug)]
pub(crate) struct Tls(ArcSwap<TlsSettings>);

impl Tls {
    /// Begins with these settings.
    pub(crate) fn new(settings: TlsSettings) -> Self {
        Self(ArcSwap::from_pointee(settings))
    }

    /// Uses others from now on. Listeners that the new configuration does not have any more run on until the next start, and keep
    /// the certificate they had.
    pub(crate) fn replace(&self, new: TlsSettings) {
        let old = self.0.load();
        let TlsSettings { sip, web, client, requests, roots } = new;
        let roots = if client.is_some() { roots } else { old.roots };
        let (sip, web) = (sip.or_else(|| old.sip.clone()), web.or_else(|| old.web.clone()));
        let client = client.or_else(|| old.client.clone());
        self.0.store(Arc::new(TlsSettings { sip, web, client, requests, roots }));
    }

    /// How peers of `sip.tls` are met.
    pub(crate) fn sip(&self) -> Option<Arc<ServerConfig>> {
        self.0.load().sip.clone()
    }

    /// How peers of `sip.wss` are met.
    pub(crate) fn web(&self) -> Option<Arc<ServerConfig>> {
        self.0.load().web.clone()
    }

    /// How we meet peers.
    pub(crate) fn client(&self) -> Option<Arc<ClientConfig>> {
        self.0.load().client.clone()
    }
}

/// Our chain and key, which belong together.
fn identity((certificate, key): &(PathBuf, PathBuf)) -> Result<Arc<CertifiedKey>, Unusable> {
    let chain =
        pem::certificates(certificate, "the certificate of this PBX, followed by those that signed it")
            .map_err(|message| Unusable { key: "certificate", message })?;
    let private = pem::private_key(key).map_err(|message| Unusable { key: "key", message })?;
    certified(chain, private).map(Arc::new).map_err(|error| Unusable {
        key: "key",
        message: format!(
            "expected the key of the first certificate in {}, found another key or one that cannot be used in {} ({error}); name the \
             key that the certificate was made with, or have a certificate made for this key",
            certificate.display(),
            key.display()
        ),
    })
}

fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, rustls::Error> {
    CertifiedKey::from_der(chain, key, &provider())
}

fn authorities(key: &'static str, file: &Path) -> Result<RootCertStore, Unusable> {
    let unusable = |message| Unusable { key, message };
    let certificates =
        pem::certificates(file, "the certificates of the authorities to believe").map_err(unusable)?;
    let mut roots = RootCertStore::empty();
    for (place, certificate) in certificates.into_iter().enumerate() {
        roots.add(certificate).map_err(|error| {
            let place = place + 1;
            unusable(format!(
                "expected certificates of authorities, found one that cannot be one at place {place} in {} ({error}); remove or replace it",
                file.display()
            ))
        })?;
    }
    Ok(roots)
}

/// What the system believes. None is no mistake here: the doctor tells, and a connection that needs one fails with its reason.
fn of_the_system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn server(
    identity: Arc<CertifiedKey>,
    clients: Option<RootCertStore>,
) -> Result<Arc<ServerConfig>, Unusable> {
    let builder = versions(ServerConfig::builder_with_provider(provider()));
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(roots) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build();
            let verifier = verifier.map_err(|error| {
                let message = format!("expected certificates of authorities, found none to use ({error})");
                Unusable { key: "client_ca", message }
            })?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    Ok(Arc::new(builder.with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(identity)))))
}

/// A peer that asks who we are is shown our certificate (mutual TLS of trunks).
fn client(roots: RootCertStore, identity: Option<Arc<CertifiedKey>>) -> Arc<ClientConfig> {
    let builder = versions(ClientConfig::builder_with_provider(provider())).with_root_certificates(roots);
    Arc::new(match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(identity)))
        }
    })
}

fn versions<Side: ConfigSide>(
    builder: ConfigBuilder<Side, rustls::WantsVersions>,
) -> ConfigBuilder<Side, WantsVerifier> {
    builder
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("the provider has suites for both versions")
}

/// ring, which a C compiler builds without anything else.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
