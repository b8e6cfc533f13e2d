//! Whether bytes can be a whole component, told without compiling them.

use crate::load::LoadError;

/// Length of magic number and version.
const HEADER: usize = 8;

/// Looks at the header and at the frame of every section, but not into the sections.
pub(crate) fn check_shape(bytes: &[u8]) -> Result<(), LoadError> {
    match bytes {
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => check_sections(bytes),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(LoadError::CoreModule),
        [0, b'a', b's', b'm', ..] => {
            Err(LoadError::Damaged { detail: "the header ends early or has an unknown version".into() })
        }
        [] => Err(LoadError::NotWasm { found: "an empty file".into() }),
        _ => {
            let begin = String::from_utf8_lossy(&bytes[..bytes.len().min(16)]);
            Err(LoadError::NotWasm { found: format!("a file that begins with {begin:?}") })
        }
    }
}

/// Each section is one byte of kind, its length, and so many bytes.
fn check_sections(bytes: &[u8]) -> Result<(), LoadError> {
    let mut rest = &bytes[HEADER..];
    while let Some((_kind, after)) = rest.split_first() {
        let section = length(after).and_then(|(length, content)| content.split_at_checked(length));
        let Some((_content, next)) = section else {
            let at = bytes.len() - rest.len();
            let detail =
                format!("the section at byte {at} goes beyond the end of the file, byte {}", bytes.len());
            return Err(LoadError::Damaged { detail });
        };
        rest = next;
    }
    Ok(())
}

/// An unsigned number of at most 32 bits in LEB128, and what follows it.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    const MOST_BYTES: usize = 5;
    let mut value = 0;
    for (at, byte) in bytes.iter().take(MOST_BYTES).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, &bytes[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_whole_up_to_its_last_byte_and_not_before() {
        let whole = wat::parse_str(
            r#"(component (core module (func (export "f"))) (instance $i) (export "a:b/c" (instance $i)))"#,
        )
        .expect("the text is WebAssembly");
        assert!(check_shape(&whole).is_ok());
        let boundaries = (0..whole.len()).filter(|end| check_shape(&whole[..*end]).is_ok()).count();
        // What ends between two sections is well formed; validation tells what it lacks.
        assert!(boundaries < 8, "{boundaries}");
        assert!(check_shape(&whole[..whole.len() - 1]).is_err());
    }

    #[test]
    fn a_length_has_five_bytes_at_most() {
        assert_eq!(length(&[0x7f, 9]), Some((127, &[9][..])));
        assert_eq!(length(&[0x80, 0x01]), Some((128, &[][..])));
        assert_eq!(length(&[0x80; 6]), None);
        assert_eq!(length(&[0x80]), None);
    }
}
