//! What a probe and a scraper see over a real connection.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cordboard_api::management::{Trunk, TrunkServer, TrunkSource, trunk_routes};
use cordboard_api::{
    Health, HealthSource, MetricsSource, Part, PartState, health_router, metrics_router, serve,
};
use tokio::sync::oneshot;

#[derive(Default)]
struct Node {
    draining: AtomicBool,
}

impl HealthSource for Node {
    fn health(&self) -> Health {
        let reason = "no such file; build it".to_owned();
        let plugin = Part { name: "plugin route".to_owned(), state: PartState::Degraded, reason };
        Health::new(true, self.draining.load(Ordering::SeqCst), vec![plugin])
    }
}

impl MetricsSource for Node {
    fn metrics(&self) -> String {
        "sip_pbx_active_calls 0\n".to_owned()
    }
}

impl TrunkSource for Node {
    fn trunks(&self) -> Vec<Trunk> {
        let uri = "sip:192.0.2.7".to_owned();
        let reason = "the server does not answer OPTIONS in time".to_owned();
        let server = TrunkServer { uri, state: "doubtful", since_ms: 7, last_status: Some(200), reason };
        let (name, reason) = ("carrier".to_owned(), String::new());
        vec![Trunk { name, state: "up", since_ms: 5, reason, servers: vec![server], registration: None }]
    }
}

/// Asks over a connection of its own and gives status line, headers and body as one text.
fn ask(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: pbx\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers and closes");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_and_scrapes_are_answered_until_the_server_is_stopped() {
    let node = Arc::new(Node::default());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (stop, stopped) = oneshot::channel::<()>();
    let router =
        health_router(node.clone()).merge(metrics_router(node.clone())).merge(trunk_routes(node.clone()));
    let server = tokio::spawn(serve(listener, router, async {
        let _ = stopped.await;
    }));

    let asked = node.clone();
    tokio::task::spawn_blocking(move || {
        let health = ask(address, "/health");
        assert!(health.starts_with("HTTP/1.1 200"), "{health}");
        assert!(health.contains("\"status\":\"degraded\"") && health.contains("plugin route"), "{health}");
        assert!(health.contains("no such file; build it"), "{health}");
        assert!(ask(address, "/health/ready").starts_with("HTTP/1.1 200"));

        asked.draining.store(true, Ordering::SeqCst);
        let ready = ask(address, "/health/ready");
        assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("draining"), "{ready}");
        assert!(ask(address, "/health").starts_with("HTTP/1.1 503"));
        assert!(ask(address, "/health/live").starts_with("HTTP/1.1 200"));

        let trunks = ask(address, "/api/trunks");
        let expected = "{\"trunks\":[{\"name\":\"carrier\",\"servers\":[{\"last_status\":200,\
                        \"reason\":\"the server does not answer OPTIONS in time\",\"since_ms\":7,\"state\":\"doubtful\",\
                        \"uri\":\"sip:192.0.2.7\"}],\"since_ms\":5,\"state\":\"up\"}]}";
        assert!(trunks.starts_with("HTTP/1.1 200") && trunks.ends_with(expected), "{trunks}");

        let metrics = ask(address, "/metrics");
        assert!(metrics.contains("text/plain; version=0.0.4"), "{metrics}");
        assert!(metrics.ends_with("sip_pbx_active_calls 0\n"), "{metrics}");
        assert!(ask(address, "/nothing").starts_with("HTTP/1.1 404"));
    })
    .await
    .expect("every assertion holds");

    stop.send(()).expect("the server waits for this");
    server.await.expect("it does not panic").expect("it ends well");
    assert!(TcpStream::connect(address).is_err(), "the port is free again");
}
