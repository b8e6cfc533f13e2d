//! Real connections on loopback, which an entry has to permit, and names that a test invents.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;
use std::thread::JoinHandle;

use cordboard_interop::Authority;

use super::names::Addresses;
use super::*;

/// Names with one answer after the other; the last one stays.
struct Told(Mutex<VecDeque<Vec<IpAddr>>>);

impl Names for Told {
    fn addresses<'a>(&'a self, _name: &'a str) -> Addresses<'a> {
        let mut answers = self.0.lock().expect("no test panics with it");
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { answer.ok_or_else(|| io::ErrorKind::NotFound.into()) })
    }
}

fn client(answers: &[&[&str]]) -> Client {
    let address = |text: &&str| text.parse().expect("it is an address");
    let answers = answers.iter().map(|answer| answer.iter().map(address).collect()).collect();
    let nobody_else = Authority::new().client(&[&rustls::version::TLS13], None);
    Client::new(Arc::new(Told(Mutex::new(answers))), nobody_else)
}

fn origins(text: &str, private: bool) -> Origins {
    Origins::new(vec![Origin::new(text, private).expect("it is an origin")])
}

const BOUNDS: Bounds = Bounds { request_bytes: 1_000, response_bytes: 1_000, time: Duration::from_secs(30) };

fn get(url: &str) -> Request {
    Request { method: "GET".into(), url: url.into(), ..Request::default() }
}

/// Answers one request with these bytes. Its port, and what it was told.
fn server(answer: impl Into<String>) -> (u16, JoinHandle<String>) {
    let answer = answer.into();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody connects");
        let mut told = String::new();
        let mut piece = [0; 1024];
        while !told.contains("\r\n\r\n") {
            let read = stream.read(&mut piece).expect("it is sent");
            told.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        // A client that has heard enough may have closed.
        let _ = stream.write_all(answer.as_bytes());
        told
    });
    (port, served)
}

#[tokio::test]
async fn a_request_goes_to_a_permitted_origin_and_its_response_comes_back() {
    let (port, served) = server("HTTP/1.1 201 Created\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 2\r\n\r\nok");
    let client = client(&[&["127.0.0.1"]]);
    let mut request = get(&format!("http://crm.example:{port}/a/b?c=d#e"));
    request.headers = [("X-Token", "t"), ("Host", "evil.test"), ("Content-Length", "99")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let origins = origins(&format!("http://crm.example:{port}"), true);
    let response = client.send(request, &origins, BOUNDS).await.expect("it answers");
    assert_eq!((response.status, response.body.as_slice()), (201, &b"ok"[..]));
    let values: Vec<_> =
        response.headers.iter().filter(|(name, _)| name == "x-a").map(|(_, value)| value).collect();
    assert_eq!(values, ["1", "2"]);
    let told = served.join().expect("it served").to_ascii_lowercase();
    assert!(told.starts_with("get /a/b?c=d http/1.1\r\n"), "{told}");
    assert!(told.contains(&format!("host: crm.example:{port}")) && told.contains("x-token: t"), "{told}");
    assert!(!told.contains("evil") && !told.contains("99"), "{told}");
}

/// Goal S10: ways to write this machine, its networks and the metadata service of clouds. Each origin is granted, but not as a private one.
#[tokio::test]
async fn no_spelling_of_a_private_address_is_connected_to() {
    let client = client(&[&["169.254.169.254"]]);
    let hosts = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "10.0.0.1",
        "192.168.0.1",
        "172.16.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "metadata.internal",
        "localhost",
    ];
    for host in hosts {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}/latest/meta-data");
            let granted = origins(&format!("{scheme}://{host}"), false);
            let sent = client.send(get(&url), &granted, BOUNDS).await;
            assert!(matches!(sent, Err(Failure::NotAllowed(_))), "{url}: {sent:?}");
        }
    }
}

#[tokio::test]
async fn what_is_not_granted_is_not_even_resolved() {
    let client = client(&[]);
    for url in [
        "http://crm.example/",
        "https://other.example/",
        "ftp://crm.example/",
        "/relative",
        "https://crm.example:8443/",
    ] {
        let sent = client.send(get(url), &origins("https://crm.example", true), BOUNDS).await;
        assert!(matches!(sent, Err(Failure::NotAllowed(_))), "{url}: {sent:?}");
    }
}

#[tokio::test]
async fn a_name_with_one_private_address_among_public_ones_is_refused() {
    let client = client(&[&["1.1.1.1", "10.0.0.1"]]);
    let sent = client.send(get("http://crm.example/"), &origins("http://crm.example", false), BOUNDS).await;
    assert!(matches!(sent, Err(Failure::NotAllowed(_))), "{sent:?}");
}

/// A name that answers with a public address first and with a private one afterwards: the second answer is never asked for.
#[tokio::test]
async fn a_name_is_resolved_once_and_the_address_that_was_checked_is_used() {
    let (port, served) = server("HTTP/1.1 204 No Content\r\n\r\n");
    // The first is what is checked here; private, as a test has no other server. The second has nobody listening.
    let client = client(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let origins = origins(&format!("http://crm.example:{port}"), true);
    let response = client.send(get(&format!("http://crm.example:{port}/")), &origins, BOUNDS).await;
    assert_eq!(response.map(|response| response.status), Ok(204));
    served.join().expect("it served");
}

#[tokio::test]
async fn a_redirect_is_a_response_and_is_not_followed() {
    let (port, served) =
        server("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n");
    let url = format!("http://127.0.0.1:{port}/");
    let response = client(&[]).send(get(&url), &origins(&url, true), BOUNDS).await.expect("it answers");
    assert_eq!(response.status, 302);
    served.join().expect("it served");
}

#[tokio::test]
async fn bodies_beyond_their_bounds_are_not_taken() {
    let body = format!("3e8\r\n{}\r\n1\r\n_\r\n0\r\n\r\n", "_".repeat(1_000));
    let (port, served) = server(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
    let url = format!("http://127.0.0.1:{port}/");
    let origins = origins(&url, true);
    let sent = client(&[]).send(get(&url), &origins, BOUNDS).await;
    assert_eq!(sent, Err(Failure::TooLarge { limit: 1_000 }));
    served.join().expect("it served");

    let request = Request { body: vec![0; 1_001], ..get(&url) };
    let sent = client(&[]).send(request, &origins, BOUNDS).await;
    assert_eq!(sent, Err(Failure::TooLarge { limit: 1_000 }), "it is not even connected to");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let url = format!("http://{}/", silent.local_addr().expect("it is bound"));
    let bounds = Bounds { time: Duration::from_millis(50), ..BOUNDS };
    assert_eq!(client(&[]).send(get(&url), &origins(&url, true), bounds).await, Err(Failure::Timeout));
}

#[tokio::test]
async fn headers_that_would_break_the_message_are_refused() {
    for (name, value) in [("X-A", "1\r\nX-B: 2"), ("X A", "1"), ("", "1")] {
        let request =
            Request { headers: vec![(name.to_owned(), value.to_owned())], ..get("http://127.0.0.1:9/") };
        let sent = client(&[]).send(request, &origins("http://127.0.0.1:9", true), BOUNDS).await;
        assert!(matches!(sent, Err(Failure::Transport(_))), "{name:?}: {sent:?}");
    }
}

/// Reads what comes and answers with 204, over TLS, with a certificate for `name`.
fn secure_server(authority: &Authority, name: &str) -> (u16, JoinHandle<()>) {
    let config = authority.server(&authority.sign(name));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let served = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("somebody connects");
        let connection = rustls::ServerConnection::new(config).expect("the settings are right");
        let mut secured = rustls::StreamOwned::new(connection, stream);
        // A client that does not believe us ends the handshake.
        if secured.read(&mut [0; 1024]).is_ok() {
            let _ = secured.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
        }
    });
    (port, served)
}

#[tokio::test]
async fn a_server_has_to_show_a_certificate_for_its_name() {
    let authority = Authority::new();
    let tls = authority.client(&[&rustls::version::TLS13], Some(&authority.sign("pbx.example")));
    for (name, is_believed) in [("crm.example", true), ("other.example", false)] {
        let (port, served) = secure_server(&authority, name);
        let names = Told(Mutex::new([vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]].into()));
        let client = Client::new(Arc::new(names), Arc::clone(&tls));
        let url = format!("https://crm.example:{port}/");
        let sent =
            client.send(get(&url), &origins(&format!("https://crm.example:{port}"), true), BOUNDS).await;
        assert_eq!(sent.is_ok(), is_believed, "{name}: {sent:?}");
        served.join().expect("it served");
    }
}
