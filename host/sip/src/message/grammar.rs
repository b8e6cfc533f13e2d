//! The few rules of RFC 3261 §25.1 that every header shares: linear white space, tokens, quoted strings,
//! lists and parameters. Everything borrows; nothing allocates.

/// White space inside a header value; a fold (CRLF before SP or HT) counts as white space.
const fn is_lws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// `value` without surrounding linear white space.
pub(crate) fn trim(value: &[u8]) -> &[u8] {
    let start = trim_start(value);
    let mut end = start.len();
    while end > 0 && is_lws(start[end - 1]) {
        end -= 1;
    }
    &start[..end]
}

/// `value` without leading linear white space.
pub(crate) fn trim_start(value: &[u8]) -> &[u8] {
    let mut start = 0;
    while start < value.len() && is_lws(value[start]) {
        start += 1;
    }
    &value[start..]
}

/// Which bytes make a token (RFC 3261 §25.1).
static TOKEN: [bool; 256] = letters_digits_and(b"-.!%*_+`'~");

/// Which bytes make host names and IPv4 addresses. The underscore is not in the RFC and is in many internal
/// host names.
static HOST: [bool; 256] = letters_digits_and(b".-_");

/// A table of the bytes that a rule allows: looking up is faster than comparing.
const fn letters_digits_and(marks: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut mark = 0;
    while mark < marks.len() {
        table[marks[mark] as usize] = true;
        mark += 1;
    }
    table
}

/// Whether `bytes` is one token.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| TOKEN[byte as usize])
}

/// Whether this byte may stand in a token.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// Length of the token that `bytes` starts with; 0 when it starts with none.
fn token_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|&byte| !is_token_byte(byte)).unwrap_or(bytes.len())
}

/// Length of the host name or IPv4 address that `bytes` starts with; 0 when it starts with none.
pub(crate) fn host_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|&byte| !HOST[byte as usize]).unwrap_or(bytes.len())
}

/// Where `wanted` first stands. For what is a few bytes away, or for short `bytes`: eight bytes at a time and in
/// place, where `memchr` costs a call through a pointer before it looks at the first.
#[inline]
pub(super) fn find_near(wanted: u8, bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);
    let mut rest = bytes;
    while let Some((word, behind)) = rest.split_first_chunk() {
        let differs = u64::from_le_bytes(*word) ^ (ONES * u64::from(wanted));
        // The lowest bit set is that of the first zero byte; bits above it may stand for bytes that are not.
        let zeros = differs.wrapping_sub(ONES) & !differs & HIGHS;
        if zeros != 0 {
            return Some(bytes.len() - rest.len() + zeros.trailing_zeros() as usize / 8);
        }
        rest = behind;
    }
    let at = rest.iter().position(|&byte| byte == wanted)?;
    Some(bytes.len() - rest.len() + at)
}

/// Cuts a token, at least one byte long, off the front.
pub(crate) fn take_token(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = token_length(bytes);
    (end > 0).then(|| bytes.split_at(end))
}

/// Cuts a quoted string off the front: its inside with escapes kept, and what follows the closing quote.
pub(crate) fn take_quoted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = bytes.strip_prefix(b"\"")?;
    let end = quote_end(inside)?;
    Some((&inside[..end], &inside[end + 1..]))
}

/// Where the closing quote stands in what follows an opening one.
fn quote_end(inside: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', inside.get(at..)?)?;
        if inside[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// Cuts `bytes` at a separator; separators in quoted strings and between `<` and `>` do not cut. Empty parts
/// are left out, the others come without surrounding white space. An unclosed quote or bracket runs to the
/// end.
#[derive(Clone, Debug)]
pub(crate) struct Parts<'a> {
    rest: &'a [u8],
    separator: u8,
}

impl<'a> Parts<'a> {
    /// The elements of a comma-separated list.
    pub(crate) fn list(value: &'a [u8]) -> Self {
        Self { rest: value, separator: b',' }
    }

    /// The parameters in `;a=b;c`.
    pub(crate) fn params(value: &'a [u8]) -> Self {
        Self { rest: value, separator: b';' }
    }

    /// What has not been cut yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let end = part_end(self.rest, self.separator);
            let part = trim(&self.rest[..end]);
            self.rest = self.rest.get(end + 1..).unwrap_or_default();
            if !part.is_empty() {
                return Some(part);
            }
        }
        None
    }
}

/// Where the first separator stands that is neither quoted nor in angle brackets.
fn part_end(bytes: &[u8], separator: u8) -> usize {
    let mut at = 0;
    while let Some(found) = memchr::memchr3(b'"', b'<', separator, &bytes[at..]) {
        at += found;
        let inside = &bytes[at + 1..];
        let skipped = match bytes[at] {
            b'"' => quote_end(inside),
            b'<' => memchr::memchr(b'>', inside),
            _ => return at,
        };
        match skipped {
            Some(length) => at += length + 2,
            None => break,
        }
    }
    bytes.len()
}

/// Name and value of one parameter. The value of a flag is empty; quotes around a value are taken off,
/// escapes stay.
pub(crate) fn split_param(part: &[u8]) -> (&[u8], &[u8]) {
    let Some(equals) = find_near(b'=', part) else { return (part, b"") };
    let value = trim(&part[equals + 1..]);
    let value = take_quoted(value).map_or(value, |(inside, _)| inside);
    (trim(&part[..equals]), value)
}

/// Value of the parameter `name` in `;a=b;c`, without regard to the case of the name.
pub(crate) fn param<'a>(params: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let starts_with_name = |part: &&[u8]| {
        part.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
    };
    Parts::params(params.strip_prefix(b";").unwrap_or(params))
        .filter(starts_with_name)
        .map(split_param)
        .find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, value)| value)
}

/// An unsigned number of digits only, at most `limit`.
pub(crate) fn number(digits: &[u8], limit: u64) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit).filter(|&sum| sum <= limit)
    })
}

#[cfg(test)]
mod tests {
    use super::find_near;

    #[test]
    fn a_byte_is_found_where_it_first_stands_whatever_is_around_it() {
        // Neighbours of the wanted byte, and bytes with the highest bit, are what tricks with words mix up.
        let around = [b':' - 1, b':' + 1, b':' | 0x80, 0, 0x80, 0xff, b':'];
        for length in 0..40 {
            for at in 0..length {
                for (filler, behind) in around.iter().flat_map(|&a| around.map(|b| (a, b))) {
                    let mut bytes = vec![filler; length];
                    bytes[at..].fill(behind);
                    bytes[at] = b':';
                    let expected = bytes.iter().position(|&byte| byte == b':');
                    assert_eq!(find_near(b':', &bytes), expected, "{bytes:?}");
                }
            }
            assert_eq!(find_near(b':', &vec![b':' + 1; length]), None);
        }
    }
}
