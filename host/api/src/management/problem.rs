//! What a request gets that was not done (RFC 9457).

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

/// Problem details.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// Names the kind of problem for programs: a relative reference such as `/problems/reload-refused`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What was expected, what was found, and what to do.
    pub detail: String,
}

impl Problem {
    /// A problem of the kind `/problems/{kind}`.
    pub fn new(status: u16, kind: &str, title: &str, detail: String) -> Self {
        Self { kind: format!("/problems/{kind}"), title: title.to_owned(), status, detail }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self).unwrap_or_default();
        (status, [(CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}
