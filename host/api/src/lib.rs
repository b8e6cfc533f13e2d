//! The HTTP face: health on one port, metrics on another, management on a third.
//!
//! Only here do JSON shapes exist. What is told comes from traits such as [`HealthSource`] and [`MetricsSource`], which the binary
//! implements; they are asked at every request and must not wait, except where they return a future.

mod health;
pub mod management;
mod metrics;
mod serve;

pub use health::{Health, HealthSource, Part, PartState, health_router};
pub use metrics::{MetricsSource, metrics_router};
pub use serve::serve;
