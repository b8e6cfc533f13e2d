//! SIGHUP reads the configuration again. What can change while we run does; a bad file changes nothing and says where it is wrong.

use std::sync::Arc;

use cordboard_b2bua::{Command, Input};
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;

use crate::config::Config;
use crate::logging::Logging;
use crate::tls::Tls;

/// Reloads at every SIGHUP, for ever.
pub(crate) async fn on_hangup(
    mut hangup: Signal,
    config: &Config,
    logging: &Logging,
    tls: &Tls,
    inbox: &mpsc::Sender<Input>,
) {
    while hangup.recv().await.is_some() {
        match Config::load(&config.file, &crate::environment()) {
            Ok(new) => apply(&new, config, logging, tls, inbox).await,
            Err(complaints) => tracing::error!(%complaints, "the configuration was not reloaded"),
        }
    }
    std::future::pending().await
}

/// Applies the log level, certificates and what the core is configured with. Ports and threads stay as they were started.
async fn apply(new: &Config, running: &Config, logging: &Logging, tls: &Tls, inbox: &mpsc::Sender<Input>) {
    logging.set_level(new.log.level);
    tls.replace(new.tls.clone());
    let settings = Arc::new(new.core_settings());
    // The receiver only goes away with the process.
    let _ = inbox.send(Input::Command(Command::Configure(settings))).await;
    let moved = new.sip.udp != running.sip.udp
        || !new.sip.streams_listening().eq(running.sip.streams_listening())
        || new.media.ports != running.media.ports
        || new.http != running.http
        || new.metrics != running.metrics
        || new.dns != running.dns
        || new.store != running.store
        || new.journal != running.journal
        || new.components != running.components
        || new.plugins != running.plugins
        || new.chains != running.chains;
    if moved {
        tracing::warn!(
            "reloaded; listeners, media ports, DNS servers, store, journal, plugins and chains change at the next start only"
        );
    } else {
        tracing::info!("reloaded");
    }
}
