//! What SQLite complains about, in our words.

use rusqlite::ErrorCode;

use super::migrate;
use crate::StoreError;

/// Why an operation failed, before it is known whose.
#[derive(Debug)]
pub(super) enum Problem {
    Sqlite(rusqlite::Error),
    Unreachable(std::io::Error),
    Foreign(String),
    TooNew {
        found: u32,
    },
    TooOld {
        found: u32,
    },
    /// Every connection for reading was busy for too long.
    Crowded,
    /// A row that cannot be what we wrote.
    BadRow(String),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Problem {
    /// Whether the connection may be used on. One that has met a full or broken disk may not know any more what is in the file.
    pub(super) fn spares_connection(&self) -> bool {
        match self {
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::ConstraintViolation)
            ),
            Self::BadRow(_) | Self::Crowded => true,
            Self::Unreachable(_) | Self::Foreign(_) | Self::TooNew { .. } | Self::TooOld { .. } => false,
        }
    }

    pub(super) fn at(self, place: &str) -> StoreError {
        let place = place.to_owned();
        match self {
            Self::Sqlite(error) => of_sqlite(&error, place),
            Self::Unreachable(error) => StoreError::Unreachable { place, detail: error.to_string() },
            Self::Foreign(detail) => StoreError::Foreign { place, detail },
            Self::TooNew { found } => StoreError::TooNew { place, found, known: migrate::known() },
            Self::TooOld { found } => StoreError::TooOld { place, found, known: migrate::known() },
            Self::Crowded => StoreError::Locked { place, detail: "too many readers at once".into() },
            Self::BadRow(detail) => StoreError::Broken { place, detail },
        }
    }
}

fn of_sqlite(error: &rusqlite::Error, place: String) -> StoreError {
    let detail = error.to_string();
    let Some(code) = error.sqlite_error_code() else { return StoreError::Refused { place, detail } };
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Locked { place, detail },
        ErrorCode::DiskFull => StoreError::Full { place, detail },
        ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly => {
            StoreError::Unreachable { place, detail }
        }
        ErrorCode::NotADatabase => StoreError::Foreign { place, detail },
        ErrorCode::ConstraintViolation
        | ErrorCode::TypeMismatch
        | ErrorCode::TooBig
        | ErrorCode::ParameterOutOfRange => StoreError::Refused { place, detail },
        _ => StoreError::Broken { place, detail },
    }
}
