//! How some values look in JSON where their Rust type says it otherwise.

/// A duration as a number of milliseconds, or `null`.
pub(crate) mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_millis))
    }
}

/// Digest hashes as records whose `hash` is not told: they are as good as the password.
pub(crate) mod hidden_hashes {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::answer::DigestAlgorithm;
    use crate::privacy::Secret;

    #[derive(Serialize, Deserialize)]
    struct Hash {
        algorithm: DigestAlgorithm,
        hash: String,
    }

    pub(crate) fn serialize<S: Serializer>(
        hashes: &[(DigestAlgorithm, Secret<String>)],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let hidden =
            hashes.iter().map(|(algorithm, hash)| Hash { algorithm: *algorithm, hash: hash.to_string() });
        to.collect_seq(hidden)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<(DigestAlgorithm, Secret<String>)>, D::Error> {
        let hashes = Vec::<Hash>::deserialize(from)?;
        Ok(hashes.into_iter().map(|hash| (hash.algorithm, Secret::new(hash.hash))).collect())
    }
}

/// Bytes as the text that they are; bytes that are no UTF-8 as `{"hex": "..."}`.
pub(crate) mod text_or_hex {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Body {
        Text(String),
        Bytes { hex: String },
    }

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) => text.serialize(to),
            Err(_) => {
                let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                Body::Bytes { hex }.serialize(to)
            }
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        match Body::deserialize(from)? {
            Body::Text(text) => Ok(text.into_bytes()),
            Body::Bytes { hex } => bytes(&hex)
                .ok_or_else(|| serde::de::Error::custom("expected an even number of hex digits in `hex`")),
        }
    }

    fn bytes(hex: &str) -> Option<Vec<u8>> {
        if !hex.len().is_multiple_of(2) || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
    }
}
