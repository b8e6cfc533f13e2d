//! Decisions after which the host itself is the other side of the call.

use super::{Collect, Decision, MediaStream, Next, Page, Play, Prompt, RecordMessage, RouteAnswer, Speech};

impl RouteAnswer {
    /// Lets the caller hear something.
    pub fn play(play: Play, why: impl Into<String>) -> Self {
        Self::new(Decision::Play(play), why)
    }

    /// Lets the caller press digits; the plugin is asked again with them.
    pub fn collect(collect: Collect, why: impl Into<String>) -> Self {
        Self::new(Decision::Collect(collect), why)
    }

    /// Takes a message of the caller.
    pub fn record_message(message: RecordMessage, why: impl Into<String>) -> Self {
        Self::new(Decision::RecordMessage(message), why)
    }

    /// Connects the caller's audio to a WebSocket server.
    pub fn media_stream(stream: MediaStream, why: impl Into<String>) -> Self {
        Self::new(Decision::MediaStream(stream), why)
    }

    /// Opens an incident.
    pub fn page(page: Page, why: impl Into<String>) -> Self {
        Self::new(Decision::Page(page), why)
    }
}

impl Prompt {
    /// Says a text in the configured language.
    pub fn say(text: impl Into<String>) -> Self {
        Self::Speech(Speech { text: text.into(), language: None, voice: None })
    }

    /// Says a text in a language, such as `ko-KR`.
    pub fn say_in(language: &str, text: impl Into<String>) -> Self {
        Self::Speech(Speech { text: text.into(), language: Some(language.to_owned()), voice: None })
    }

    /// Plays an audio file of the host's prompt folder.
    pub fn file(name: impl Into<String>) -> Self {
        Self::File(name.into())
    }
}

impl Play {
    /// Answers the call, plays these once, and asks again.
    pub fn new(prompts: impl IntoIterator<Item = Prompt>) -> Self {
        Self {
            prompts: prompts.into_iter().collect(),
            repeat: 1,
            early: false,
            next: Next::AskAgain,
            attrs: Vec::new(),
        }
    }

    /// Plays the whole list so many times.
    #[must_use]
    pub fn repeated(mut self, times: u32) -> Self {
        self.repeat = times;
        self
    }

    /// As early media, without answering, so that the caller does not pay.
    #[must_use]
    pub fn early(mut self) -> Self {
        self.early = true;
        self
    }

    /// What follows at the end.
    #[must_use]
    pub fn then(mut self, next: Next) -> Self {
        self.next = next;
        self
    }
}

impl Collect {
    /// Collects one to `max_digits` digits, which `#` ends, and waits 5 s for the first and 3 s for each further one.
    pub fn new(max_digits: u32) -> Self {
        Self {
            prompts: Vec::new(),
            min_digits: 1,
            max_digits,
            terminators: "#".to_owned(),
            first_digit_ms: 5_000,
            inter_digit_ms: 3_000,
            attrs: Vec::new(),
        }
    }

    /// Plays these first; a digit interrupts them.
    #[must_use]
    pub fn after(mut self, prompts: impl IntoIterator<Item = Prompt>) -> Self {
        self.prompts = prompts.into_iter().collect();
        self
    }

    /// Fewer digits than this count as too few.
    #[must_use]
    pub fn at_least(mut self, digits: u32) -> Self {
        self.min_digits = digits;
        self
    }

    /// How long to wait for the first digit, and between digits, in milliseconds.
    #[must_use]
    pub fn waiting_ms(mut self, first: u32, between: u32) -> Self {
        self.first_digit_ms = first;
        self.inter_digit_ms = between;
        self
    }
}

impl RecordMessage {
    /// Takes a message of at most so many milliseconds after a beep, ended by `#` or by hanging up, and asks again.
    pub fn new(max_ms: u32) -> Self {
        Self {
            prompts: Vec::new(),
            beep: true,
            max_ms,
            silence_ms: None,
            terminators: "#".to_owned(),
            transcribe: false,
            next: Next::AskAgain,
            attrs: Vec::new(),
        }
    }

    /// Plays these before the beep.
    #[must_use]
    pub fn after(mut self, prompts: impl IntoIterator<Item = Prompt>) -> Self {
        self.prompts = prompts.into_iter().collect();
        self
    }

    /// What follows.
    #[must_use]
    pub fn then(mut self, next: Next) -> Self {
        self.next = next;
        self
    }
}

impl MediaStream {
    /// Connects to a `ws://` or `wss://` URL with the host's default framing, and asks again when the server closes it.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            protocol: String::new(),
            codec: String::new(),
            sample_rate_hz: 0,
            credentials: None,
            parameters: Vec::new(),
            next: Next::AskAgain,
            attrs: Vec::new(),
        }
    }

    /// Tells the server something in the opening message.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: impl Into<String>) -> Self {
        self.parameters.push((name.to_owned(), value.into()));
        self
    }

    /// What follows when the server closes the stream.
    #[must_use]
    pub fn then(mut self, next: Next) -> Self {
        self.next = next;
        self
    }
}

impl Page {
    /// Opens an incident of severity `high` for the default group, and asks again for the caller once it is open.
    pub fn new(summary: impl Into<String>) -> Self {
        let summary = summary.into();
        Self {
            text: summary.clone(),
            summary,
            severity: "high".to_owned(),
            dedup_key: None,
            contacts: Vec::new(),
            prompts: Vec::new(),
            next: Next::AskAgain,
            attrs: Vec::new(),
        }
    }

    /// Whom it is for: ids of contacts or groups.
    #[must_use]
    pub fn for_contacts(mut self, ids: impl IntoIterator<Item = String>) -> Self {
        self.contacts = ids.into_iter().collect();
        self
    }

    /// What follows for the caller.
    #[must_use]
    pub fn then(mut self, next: Next) -> Self {
        self.next = next;
        self
    }
}
