//! What a formatter reaches: what it is granted, in the time that its question has, and nothing else.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use cordboard_model::FormatDecision;
use cordboard_outbound::{Client, Origin, Origins, SystemNames};
use cordboard_plugin::{
    ChainSettings, ComponentSettings, FailureReason, Granted, HostFigures, Limits, PluginSettings, Plugins,
};
use rustls::RootCertStore;
use serde_json::json;

use crate::support::{Tables, event, failure, plugin};

/// Nobody is believed: these tests speak without TLS.
fn client() -> Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("the provider has TLS 1.3").with_root_certificates(RootCertStore::empty());
    Client::new(Arc::new(SystemNames), Arc::new(config.with_no_client_auth()))
}

/// A formatter that is granted these origins.
async fn formatter(origins: &[(&str, bool)], limits: Option<Limits>) -> Plugins {
    let origin = |(text, private): &(&str, bool)| Origin::new(text, *private).expect("it is an origin");
    let origins = Origins::new(origins.iter().map(origin).collect());
    let settings = plugin("f", "test/misbehaving-formatter", json!({}));
    let limits = limits.unwrap_or_else(|| settings.limits.clone());
    let granted = Granted { origins, ..Granted::default() };
    let settings = PluginSettings { granted, limits, ..settings };
    let chains = ChainSettings { event_formatting: vec!["f".into()], ..ChainSettings::default() };
    let components = ComponentSettings { client: Some(client()), ..ComponentSettings::default() };
    let loaded = Plugins::load(&[settings], chains, Arc::new(Tables::default()), &components).await;
    let (plugins, problems) = loaded.expect("the engine starts");
    assert!(problems.is_empty(), "{problems:?}");
    plugins
}

/// What the plugin made of a request to a URL.
async fn told(plugins: &Plugins, url: &str) -> String {
    let shaped = plugins.format(&event(url)).await;
    let FormatDecision::Deliver(messages) = shaped.answer else { panic!("{:?}", shaped.answer) };
    String::from_utf8_lossy(&messages[0].body).into_owned()
}

fn host_figures(plugins: &Plugins) -> HostFigures {
    plugins.states().remove(0).host
}

/// Answers one request.
fn server() -> (SocketAddr, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody connects");
        let read = stream.read(&mut [0; 4096]).expect("it is sent");
        assert!(read > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").expect("it is read");
    });
    (address, served)
}

#[tokio::test]
async fn a_granted_server_is_reached_and_counted() {
    let (address, served) = server();
    let plugins = formatter(&[(&format!("http://{address}"), true)], None).await;
    assert_eq!(told(&plugins, &format!("http://{address}/path")).await, "200 hello");
    served.join().expect("it served");
    let figures = host_figures(&plugins);
    assert_eq!((figures.requests, figures.requests_failed, figures.bytes_received), (1, 0, 5));
    assert!(figures.time > Duration::ZERO);
}

#[tokio::test]
async fn without_a_grant_nobody_is_reached() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = silent.local_addr().expect("it is bound");
    // The same server, but not as a private one; and another port of it.
    for origins in
        [vec![], vec![(format!("http://{address}"), false)], vec![("http://127.0.0.1:1".to_owned(), true)]]
    {
        let origins: Vec<(&str, bool)> =
            origins.iter().map(|(text, private)| (text.as_str(), *private)).collect();
        let plugins = formatter(&origins, None).await;
        assert_eq!(told(&plugins, &format!("http://{address}/")).await, "Failure::NotAllowed");
        assert_eq!(host_figures(&plugins).requests_failed, 1);
    }
    silent.set_nonblocking(true).expect("it can be asked");
    assert!(silent.accept().is_err(), "nobody has connected");
}

#[tokio::test]
async fn a_server_that_says_nothing_costs_the_time_that_the_plugin_gives_it() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let origin = format!("http://{}", silent.local_addr().expect("it is bound"));
    let plugins = formatter(&[(&origin, true)], None).await;
    assert_eq!(
        told(&plugins, &format!("{origin}/")).await,
        "Failure::Timeout",
        "the plugin gives it a second"
    );
}

#[tokio::test]
async fn a_request_ends_with_its_question() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let origin = format!("http://{}", silent.local_addr().expect("it is bound"));
    let limits = Limits { deadline: Some(Duration::from_millis(100)), ..Limits::default() };
    let plugins = formatter(&[(&origin, true)], Some(limits)).await;
    let shaped = plugins.format(&event(&format!("{origin}/"))).await;
    assert_eq!(failure(&shaped.trace[0]).reason, FailureReason::Deadline);
}
