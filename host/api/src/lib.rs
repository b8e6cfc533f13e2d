//! The HTTP face: health on one port, metrics on another.
//!
//! Only here do JSON shapes exist. What is told comes from the two traits [`HealthSource`] and [`MetricsSource`], which the binary
//! implements; both are asked at every request and must not wait.

mod health;
mod metrics;
mod serve;

pub use health::{Health, HealthSource, Part, PartState, health_router};
pub use metrics::{MetricsSource, metrics_router};
pub use serve::serve;
