//! Behaviour across crates, in virtual time. All of it is in `tests/`, one file per behaviour; this library is empty.
