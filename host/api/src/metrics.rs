//! `/metrics` in the Prometheus text format, on a port of its own so that it need not be public.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

/// Version 0.0.4 is the text format that every Prometheus reads.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whoever knows the metrics of the process.
pub trait MetricsSource: Send + Sync + 'static {
    /// The text of a scrape.
    fn metrics(&self) -> String;
}

/// The route of metrics.
pub fn metrics_router(source: Arc<dyn MetricsSource>) -> Router {
    Router::new().route("/metrics", get(scrape)).with_state(source)
}

async fn scrape(State(source): State<Arc<dyn MetricsSource>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, TEXT_FORMAT)], source.metrics())
}
