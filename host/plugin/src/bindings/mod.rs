//! The only place where types generated from WIT are known. One module for each published major version.

pub(crate) mod v1;
