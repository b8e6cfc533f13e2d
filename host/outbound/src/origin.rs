//! Where requests may go.

use std::fmt;

use url::{Host, Url};

/// A server that requests may go to: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    secure: bool,
    host: Host<String>,
    port: u16,
    /// Whether its addresses may be those of our own networks.
    private: bool,
}

/// A text that is no origin.
#[derive(Debug, thiserror::Error)]
#[error(
    "http:// or https:// with a host, and a port where it is not the usual one, such as https://crm.example"
)]
pub struct BadOrigin;

impl Origin {
    /// Reads an entry, such as `https://crm.example` or `http://crm.internal:8080`. `private` permits addresses of our own networks.
    ///
    /// # Errors
    /// When there is more or less than scheme, host and port.
    pub fn new(text: &str, private: bool) -> Result<Self, BadOrigin> {
        let url = Url::parse(text).map_err(|_| BadOrigin)?;
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(BadOrigin);
        }
        Self::of(&url, private).ok_or(BadOrigin)
    }

    /// That of a URL.
    pub(crate) fn of(url: &Url, private: bool) -> Option<Self> {
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let mut host = url.host()?.to_owned();
        if let Host::Domain(name) = &mut host {
            // The root of the name system may be written or not.
            let trimmed = name.trim_end_matches('.').to_owned();
            *name = trimmed;
        }
        Some(Self { secure, host, port: url.port_or_known_default()?, private })
    }

    /// Whether TLS is spoken with it.
    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Its name or address.
    pub(crate) fn host(&self) -> &Host<String> {
        &self.host
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Whether its addresses may be those of our own networks.
    pub(crate) fn may_be_private(&self) -> bool {
        self.private
    }

    fn is_same_server(&self, other: &Self) -> bool {
        (self.secure, &self.host, self.port) == (other.secure, &other.host, other.port)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// The servers that somebody's requests may go to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<Origin>);

impl Origins {
    /// These and no others.
    pub fn new(origins: Vec<Origin>) -> Self {
        Self(origins)
    }

    /// Whether TLS is spoken with any of them.
    pub fn need_tls(&self) -> bool {
        self.0.iter().any(Origin::is_secure)
    }

    /// The entry that a URL is permitted by.
    pub(crate) fn permits(&self, url: &Url) -> Option<&Origin> {
        let wanted = Origin::of(url, false)?;
        self.0.iter().find(|origin| origin.is_same_server(&wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        for (text, shown) in [
            ("https://CRM.example", "https://crm.example:443"),
            ("http://crm.internal:8080/", "http://crm.internal:8080"),
            ("https://[2001:DB8::7]", "https://[2001:db8::7]:443"),
            ("http://0x7f.1", "http://127.0.0.1:80"),
        ] {
            assert_eq!(Origin::new(text, false).expect("it is one").to_string(), shown);
        }
        for text in [
            "crm.example",
            "ftp://crm.example",
            "https://crm.example/path",
            "https://u:p@crm.example",
            "https://",
        ] {
            assert!(Origin::new(text, false).is_err(), "{text}");
        }
    }

    #[test]
    fn only_the_same_scheme_host_and_port_are_permitted() {
        let origins = Origins::new(vec![Origin::new("https://crm.example", false).expect("it is one")]);
        let permits = |url: &str| origins.permits(&Url::parse(url).expect("it is a URL")).is_some();
        for url in [
            "https://crm.example/a?b",
            "https://CRM.EXAMPLE:443/",
            "https://crm.example./",
            "https://u@crm.example/",
        ] {
            assert!(permits(url), "{url}");
        }
        for url in [
            "http://crm.example/",
            "https://crm.example:8443/",
            "https://crm.example.evil.test/",
            "https://evil.test/crm.example",
            "https://crm.example@evil.test/",
            "https://evil.test\\@crm.example/",
            "file:///etc/passwd",
            "gopher://crm.example/",
        ] {
            assert!(!permits(url), "{url}");
        }
    }
}
