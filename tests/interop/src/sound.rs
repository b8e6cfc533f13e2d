//! Proof by content: a phone plays a tone, and the other's recording is searched for it.
use std::f64::consts::TAU;
use std::fs;
use std::path::Path;

const RATE: u32 = 8_000;
const WINDOW: usize = 800;
/// Bytes before the samples in the WAV files of phones.
const HEADER: usize = 44;
const FULL_SCALE: f64 = 32_768.0;

/// What a phone plays. None is a harmonic of another, so that distortion of one is not taken for the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// 440 Hz.
    Low,
    /// 700 Hz.
    Middle,
    /// 1050 Hz.
    High,
}

impl Tone {
    const ALL: [Self; 3] = [Self::Low, Self::Middle, Self::High];

    fn hertz(self) -> f64 {
        match self {
            Self::Low => 440.0,
            Self::Middle => 700.0,
            Self::High => 1050.0,
        }
    }
}

/// Writes a WAV file (8 kHz, mono, 16 bits) with a tone of half of full scale.
///
/// # Panics
/// When the file cannot be written.
pub fn write_tone(path: &Path, tone: Tone, seconds: u32) {
    let samples = (0..RATE * seconds).map(|n| {
        let phase = TAU * tone.hertz() * f64::from(n) / f64::from(RATE);
        #[expect(clippy::cast_possible_truncation, reason = "half of full scale fits a 16-bit sample")]
        let sample = (phase.sin() * 0.5 * FULL_SCALE) as i16;
        sample
    });
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let length = u32::try_from(data.len()).expect("tones are short");
    let mut file = Vec::with_capacity(44 + data.len());
    file.extend(b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([1_u16, 1].map(u16::to_le_bytes).concat());
    file.extend([RATE, RATE * 2].map(u32::to_le_bytes).concat());
    file.extend([2_u16, 16].map(u16::to_le_bytes).concat());
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.extend(data);
    fs::write(path, file).expect("the folder of the test can be written");
}

/// How many seconds of a recording that a phone is still writing hold the tone and nearly nothing else. What its header says is not
/// looked at: linphone writes it when it is done, and goes on behind it after a hold.
pub fn seconds_so_far(tone: Tone, recording: &Path) -> f64 {
    let file = fs::read(recording).unwrap_or_default();
    seconds_in(tone, &samples_in(file.get(HEADER..).unwrap_or_default()))
}

/// How many seconds of a recording hold the tone and nearly nothing else.
///
/// # Panics
/// When the file is no WAV file of 8 kHz with one channel of 16 bits.
fn seconds_of(tone: Tone, recording: &Path) -> f64 {
    seconds_in(tone, &read_samples(recording))
}

fn seconds_in(tone: Tone, samples: &[f64]) -> f64 {
    let count = samples.chunks_exact(WINDOW).filter(|window| share(window, tone.hertz()) > 0.7).count();
    #[expect(clippy::cast_precision_loss, reason = "a recording of a test has few windows")]
    let seconds = (count * WINDOW) as f64 / f64::from(RATE);
    seconds
}

/// The tone that a recording holds longest, and for how many seconds; `None` when it holds none for at least half a second.
pub fn loudest_tone(recording: &Path) -> Option<(Tone, f64)> {
    let heard = Tone::ALL.map(|tone| (tone, seconds_of(tone, recording)));
    let longest = heard.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    (longest.1 >= 0.5).then_some(longest)
}

/// The share of a window's energy that lies at one frequency, by Goertzel's algorithm; 0 for what is as good as silence.
fn share(window: &[f64], hertz: f64) -> f64 {
    let energy: f64 = window.iter().map(|sample| sample * sample).sum();
    #[expect(clippy::cast_precision_loss, reason = "a window is short")]
    let count = window.len() as f64;
    if (energy / count).sqrt() < 0.01 {
        return 0.0;
    }
    let coefficient = 2.0 * (TAU * hertz / f64::from(RATE)).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in window {
        (last, before) = (sample + coefficient * last - before, last);
    }
    let power = last * last + before * before - coefficient * last * before;
    power * 2.0 / (count * energy)
}

fn read_samples(path: &Path) -> Vec<f64> {
    let file = fs::read(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let format = chunk(&file, b"fmt ").unwrap_or_else(|| panic!("{} is no WAV file", path.display()));
    let channels = u16::from_le_bytes([format[2], format[3]]);
    let rate = u32::from_le_bytes([format[4], format[5], format[6], format[7]]);
    let bits = u16::from_le_bytes([format[14], format[15]]);
    assert_eq!((channels, rate, bits), (1, RATE, 16), "channels, rate and bits of {}", path.display());
    let data = chunk(&file, b"data").unwrap_or_default();
    samples_in(data)
}

fn samples_in(data: &[u8]) -> Vec<f64> {
    data.chunks_exact(2).map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])) / FULL_SCALE).collect()
}

/// The content of a RIFF chunk. A program that was ended may have left a length of 0 in the last one: then it is the rest.
fn chunk<'f>(file: &'f [u8], name: &[u8; 4]) -> Option<&'f [u8]> {
    let mut at = 12;
    while let Some(head) = file.get(at..at + 8) {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let length = usize::try_from(length).ok()?;
        let rest = &file[at + 8..];
        if head[..4] == *name {
            let usable = if length == 0 { rest.len() } else { length.min(rest.len()) };
            return Some(&rest[..usable]);
        }
        at += 8 + length + length % 2;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(name: &str, write: impl FnOnce(&Path)) -> Option<(Tone, f64)> {
        let path = std::env::temp_dir().join(format!("cordboard-sound-{}-{name}.wav", std::process::id()));
        write(&path);
        let heard = loudest_tone(&path);
        fs::remove_file(&path).expect("just written");
        heard
    }

    #[test]
    fn a_tone_is_found_and_not_taken_for_the_other() {
        for tone in Tone::ALL {
            let (found, seconds) =
                recording(&format!("{tone:?}"), |path| write_tone(path, tone, 2)).expect("a tone");
            assert_eq!(found, tone);
            assert!((seconds - 2.0).abs() < 0.2, "{seconds} s");
        }
    }

    #[test]
    fn silence_and_noise_hold_no_tone() {
        let with_data = |path: &Path, mut sample: Box<dyn FnMut() -> i16>| {
            write_tone(path, Tone::Low, 2);
            let mut file = fs::read(path).expect("just written");
            for pair in file[44..].chunks_exact_mut(2) {
                pair.copy_from_slice(&sample().to_le_bytes());
            }
            fs::write(path, file).expect("writable");
        };
        assert_eq!(recording("silence", |path| with_data(path, Box::new(|| 0))), None);
        let mut state = 1_u32;
        let noise = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            i16::from_le_bytes([state.to_le_bytes()[2], state.to_le_bytes()[3]])
        };
        assert_eq!(recording("noise", |path| with_data(path, Box::new(noise))), None);
    }
}
