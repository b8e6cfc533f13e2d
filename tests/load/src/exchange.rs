//! Exchanges a plugin of the running PBX again and again, as an operator would, while calls go on.
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::call::Delays;

/// A plugin file that is exchanged, and the interface that is told.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Management interface of the PBX.
    pub api: SocketAddr,
    /// Name of the plugin in the configuration.
    pub plugin: String,
    /// Its file.
    pub file: PathBuf,
    /// The component that all versions are made of.
    pub component: Vec<u8>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Exchanges {
    /// Reloads after which another generation answered.
    pub done: usize,
    /// Those that were refused, with the first answer.
    pub refused: usize,
    /// The answer to the first one that was refused.
    pub first_refusal: Option<String>,
    /// How long each took, compiling included.
    pub took: Delays,
}

impl Exchange {
    /// Puts `times` versions in the file's place, each another file, with `pause` between them.
    ///
    /// # Panics
    /// When the file cannot be written, or nobody answers at the interface.
    #[expect(clippy::disallowed_methods, reason = "the load program lives in real time")]
    pub fn run(&self, times: u32, pause: Duration) -> Exchanges {
        let mut exchanges = Exchanges::default();
        let mut took = Vec::new();
        for version in 1..=times {
            put(&self.file, &self.component, version);
            let begin = Instant::now();
            let answer = self.reload();
            took.push(begin.elapsed());
            if answer.contains("\"changed\":true") {
                exchanges.done += 1;
            } else {
                exchanges.refused += 1;
                exchanges.first_refusal.get_or_insert(answer);
            }
            cordboard_interop::pause(pause);
        }
        exchanges.took = took.into_iter().collect();
        exchanges
    }

    fn reload(&self) -> String {
        let mut stream = TcpStream::connect(self.api).expect("the management interface listens");
        let head = format!("POST /api/plugins/{}/reload HTTP/1.1\r\nHost: {}\r\n", self.plugin, self.api);
        write!(stream, "{head}Content-Length: 0\r\nConnection: close\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }
}

/// A component with a custom section `v` at its end, which nobody looks at: another file that does the same.
fn put(file: &Path, component: &[u8], version: u32) {
    let mut bytes = component.to_vec();
    bytes.extend([0, 6, 1, b'v']);
    bytes.extend(version.to_be_bytes());
    let beside = file.with_extension("new");
    std::fs::write(&beside, bytes).expect("the folder can be written to");
    std::fs::rename(&beside, file).expect("a file can be replaced");
}
