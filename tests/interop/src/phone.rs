//! Two softphones of different make. Both run without a sound card: they play a tone from a file and record what they hear.

mod baresip;
mod linphone;

pub use baresip::Baresip;
pub use linphone::Linphone;
