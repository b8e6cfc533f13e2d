//! The HTTP face: health and the API on one port, metrics on another.
//!
//! Only here do JSON shapes exist. What is told comes from the traits [`HealthSource`], [`TrunkSource`] and [`MetricsSource`], which the
//! binary implements; they are asked at every request and must not wait.

mod health;
mod metrics;
mod serve;
mod trunks;

pub use health::{Health, HealthSource, Part, PartState, health_router};
pub use metrics::{MetricsSource, metrics_router};
pub use serve::serve;
pub use trunks::{Trunk, TrunkRegistration, TrunkServer, TrunkSource, trunks_router};
