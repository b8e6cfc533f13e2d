//! Serving a router until told to stop.

use std::future::Future;
use std::net::TcpListener;

use axum::Router;

/// Serves `router` on a bound listener until `stop` is done; requests in progress are answered.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}
