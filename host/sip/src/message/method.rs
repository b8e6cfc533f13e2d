//! Methods.

/// A request method.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "the names are the methods")]
pub enum Method {
    Invite,
    Ack,
    Bye,
    Cancel,
    Register,
    Options,
    Update,
    Prack,
    Info,
    Refer,
    Notify,
    Subscribe,
    Message,
    Publish,
    /// A method this crate does not know; its token is in the start line.
    Other,
}

impl Method {
    /// The token, such as `INVITE`. Empty for `Other`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Register => "REGISTER",
            Self::Options => "OPTIONS",
            Self::Update => "UPDATE",
            Self::Prack => "PRACK",
            Self::Info => "INFO",
            Self::Refer => "REFER",
            Self::Notify => "NOTIFY",
            Self::Subscribe => "SUBSCRIBE",
            Self::Message => "MESSAGE",
            Self::Publish => "PUBLISH",
            Self::Other => "",
        }
    }

    /// The method of this token. Methods are case-sensitive (RFC 3261 §7.1): `invite` is another method.
    pub const fn of_token(token: &[u8]) -> Self {
        match token {
            b"INVITE" => Self::Invite,
            b"ACK" => Self::Ack,
            b"BYE" => Self::Bye,
            b"CANCEL" => Self::Cancel,
            b"REGISTER" => Self::Register,
            b"OPTIONS" => Self::Options,
            b"UPDATE" => Self::Update,
            b"PRACK" => Self::Prack,
            b"INFO" => Self::Info,
            b"REFER" => Self::Refer,
            b"NOTIFY" => Self::Notify,
            b"SUBSCRIBE" => Self::Subscribe,
            b"MESSAGE" => Self::Message,
            b"PUBLISH" => Self::Publish,
            _ => Self::Other,
        }
    }

    /// Whether a request of this method outside a dialog makes one (RFC 3261 §12.1, RFC 6665, RFC 3515).
    pub const fn makes_dialog(self) -> bool {
        matches!(self, Self::Invite | Self::Subscribe | Self::Refer)
    }
}
