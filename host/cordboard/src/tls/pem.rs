//! Certificates and keys in PEM files (RFC 7468), and what to say when a file is not what it should be.

use std::io::Read as _;
use std::path::Path;

use rustls::pki_types::pem::{PemObject as _, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Longest PEM file. All authorities of a system take a quarter of it; a path to the wrong file must not eat the memory.
const MAX_PEM_BYTES: u64 = 1024 * 1024;

/// The certificates of a file, in its order: at least one. `wanted` says whose.
///
/// # Errors
/// With what was expected, what was found, and what to do.
pub(super) fn certificates(file: &Path, wanted: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = Pem::read(file, wanted)?;
    let of_kind = |(kind, der): &(SectionKind, Vec<u8>)| CertificateDer::from_pem(*kind, der.clone());
    let certificates: Vec<_> = pem.sections.iter().filter_map(of_kind).collect();
    if certificates.is_empty() {
        let (file, found) = (file.display(), pem.content());
        return Err(format!(
            "expected a PEM file with {wanted}, found {found} in {file}; a certificate begins with -----BEGIN CERTIFICATE-----"
        ));
    }
    Ok(certificates)
}

/// The first private key of a file.
///
/// # Errors
/// With what was expected, what was found, and what to do.
pub(super) fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let wanted = "the private key of this PBX";
    let pem = Pem::read(file, wanted)?;
    let of_kind = |(kind, der): &(SectionKind, Vec<u8>)| PrivateKeyDer::from_pem(*kind, der.clone());
    pem.sections.iter().find_map(of_kind).ok_or_else(|| {
        let (file, found) = (file.display(), pem.content());
        let help = if pem.encrypted {
            format!("decrypt it with `openssl pkey -in {file} -out NEW` and let only this user read it")
        } else {
            "a key begins with -----BEGIN PRIVATE KEY-----, or with RSA or EC before PRIVATE".to_owned()
        };
        format!("expected a PEM file with {wanted}, not encrypted, found {found} in {file}; {help}")
    })
}

/// The sections of one file.
struct Pem {
    sections: Vec<(SectionKind, Vec<u8>)>,
    /// Whether there is a key that only its passphrase opens.
    encrypted: bool,
}

impl Pem {
    /// Reads a file. What a section contains is never part of an error: it may be a key.
    fn read(file: &Path, wanted: &str) -> Result<Self, String> {
        let expected = || format!("expected a PEM file with {wanted}");
        let bytes = read_bounded(file).map_err(|reason| {
            format!(
                "{}, but {} could not be read: {reason}; correct the path or its permissions",
                expected(),
                file.display()
            )
        })?;
        let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
        let sections = sections.map_err(|_| {
            format!(
                "{}, found PEM that is cut off or damaged in {}; copy it again",
                expected(),
                file.display()
            )
        })?;
        let encrypted = memory_contains(&bytes, b"ENCRYPTED");
        Ok(Self { sections, encrypted })
    }

    /// What there is, in words.
    fn content(&self) -> String {
        let certificates = self.sections.iter().filter(|(kind, _)| *kind == SectionKind::Certificate).count();
        let is_key = |kind| {
            matches!(kind, SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey)
        };
        let keys = self.sections.iter().filter(|(kind, _)| is_key(*kind)).count();
        match (certificates, keys) {
            _ if self.encrypted => "an encrypted key".to_owned(),
            (0, 0) if self.sections.is_empty() => "nothing in PEM".to_owned(),
            (0, 0) => "neither certificate nor key".to_owned(),
            (0, keys) => format!("{keys} private key(s) only"),
            (certificates, 0) => format!("{certificates} certificate(s) only"),
            (certificates, keys) => format!("{certificates} certificate(s) and {keys} private key(s)"),
        }
    }
}

fn memory_contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn read_bounded(file: &Path) -> Result<Vec<u8>, String> {
    let mut content = Vec::new();
    let open = std::fs::File::open(file).map_err(|error| error.to_string())?;
    open.take(MAX_PEM_BYTES + 1).read_to_end(&mut content).map_err(|error| error.to_string())?;
    if content.len() as u64 > MAX_PEM_BYTES {
        return Err(format!("it is longer than {MAX_PEM_BYTES} bytes"));
    }
    Ok(content)
}
