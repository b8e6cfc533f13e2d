//! SIGHUP reads the configuration again. What can change while we run does; a bad file changes nothing and says where it is wrong.

use std::sync::Arc;

use cordboard_b2bua::{Command, Input};
use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, watch};

use crate::config::Config;
use crate::decide::Decider;
use crate::file_watch::{Watched, watched};
use crate::logging::Logging;
use crate::tables::Tables;
use crate::tls::Tls;

/// Reloads at every SIGHUP, for ever.
pub(crate) async fn on_hangup(mut hangup: Signal, config: &Config, parts: Reloadable<'_>) {
    while hangup.recv().await.is_some() {
        match Config::load(&config.file, &crate::environment()) {
            Ok(new) => apply(&new, config, &parts).await,
            Err(complaints) => tracing::error!(%complaints, "the configuration was not reloaded"),
        }
    }
    std::future::pending().await
}

/// What can change while we run.
pub(crate) struct Reloadable<'a> {
    pub(crate) logging: &'a Logging,
    pub(crate) tls: &'a Tls,
    /// To the core.
    pub(crate) inbox: &'a mpsc::Sender<Input>,
    pub(crate) decider: &'a Decider,
    /// What plugins look up.
    pub(crate) tables: &'a Tables,
    /// To the watch over plugin files.
    pub(crate) watched: &'a watch::Sender<Vec<Watched>>,
}

/// Applies the log level, certificates, what the core is configured with, and at last plugins and chains, which may take its time. Ports
/// and threads stay as they were started.
async fn apply(new: &Config, running: &Config, parts: &Reloadable<'_>) {
    parts.logging.set_level(new.log.level);
    parts.tls.replace(new.tls.clone());
    let settings = Arc::new(new.core_settings());
    // The receiver only goes away with the process.
    let _ = parts.inbox.send(Input::Command(Command::Configure(settings))).await;
    parts.tables.replace(new.tables.clone());
    parts.decider.configure(new).await;
    parts.watched.send_replace(watched(new));
    let moved = new.sip.udp != running.sip.udp
        || !new.sip.streams_listening().eq(running.sip.streams_listening())
        || new.media.ports != running.media.ports
        || new.http != running.http
        || new.metrics != running.metrics
        || new.dns != running.dns
        || new.store != running.store
        || new.journal != running.journal
        || new.api != running.api
        || new.components != running.components;
    if moved {
        tracing::warn!(
            "reloaded; listeners, media ports, DNS servers, store, journal and components change at the next start only"
        );
    } else {
        tracing::info!("reloaded");
    }
}
