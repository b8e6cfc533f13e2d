//! The parameter list of a challenge and of credentials (RFC 3261 §25.1, `auth-param`).

/// Why a list cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParamsError {
    #[error("scheme is not Digest")]
    NotDigest,
    #[error("malformed parameter list")]
    Malformed,
    #[error("parameter given twice")]
    Repeated,
}

/// The parameters after `Digest`, in order.
#[derive(Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads `Digest name=value, name="value"`. Values may be quoted or not, whatever the grammar says of the single one:
    /// phones do both.
    pub(crate) fn parse(value: &[u8]) -> Result<Self, ParamsError> {
        let text = std::str::from_utf8(value).map_err(|_| ParamsError::Malformed)?;
        let (scheme, mut rest) = text.split_once(is_space).ok_or(ParamsError::NotDigest)?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return Err(ParamsError::NotDigest);
        }
        let mut params: Vec<(String, String)> = Vec::new();
        loop {
            rest = rest.trim_start_matches(|c| is_space(c) || c == ',');
            if rest.is_empty() {
                return Ok(Self(params));
            }
            let (name, value, behind) = param(rest).ok_or(ParamsError::Malformed)?;
            // Which of two would count differs from reader to reader, and that can be used to deceive one of them.
            if params.iter().any(|(known, _)| *known == name) {
                return Err(ParamsError::Repeated);
            }
            params.push((name, value));
            rest = behind;
        }
    }

    /// Takes the value of a parameter, without its quotes.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(index).1)
    }
}

/// One parameter and what is behind it.
fn param(text: &str) -> Option<(String, String, &str)> {
    let (name, rest) = text.split_once('=')?;
    let name = name.trim_end_matches(is_space).to_ascii_lowercase();
    if name.is_empty() || name.contains(|c: char| is_space(c) || c == ',' || c == '"') {
        return None;
    }
    let rest = rest.trim_start_matches(is_space);
    let (value, rest) = match rest.strip_prefix('"') {
        Some(quoted) => unquote(quoted)?,
        None => {
            let (value, rest) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
            (value.trim_end_matches(is_space).to_owned(), rest)
        }
    };
    let behind = rest.trim_start_matches(is_space);
    (behind.is_empty() || behind.starts_with(',')).then_some((name, value, behind))
}

/// The content of a quoted string whose opening quote is gone, and what is behind its closing quote.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut content = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((content, &text[at + 1..])),
            '\\' => content.push(chars.next()?.1),
            c => content.push(c),
        }
    }
    None
}

/// `text` as a quoted string.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// White space; line ends too, because header values keep their folds.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}
