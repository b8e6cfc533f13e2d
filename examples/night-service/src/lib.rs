//! Sends calls for the office to an answering service while nobody is there, and leaves all others to the next plugin.
//!
//! There is no clock in the sandbox: the time is in the question, so that a decision can be repeated.

use cordboard_plugin_sdk::prelude::*;
use serde::Deserialize;

const MINUTES_PER_DAY: i64 = 24 * 60;

/// The `config:` block.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The number of the office.
    office: String,
    /// First minute of the day on which somebody is there, such as `08:30`.
    opens: String,
    /// First minute of the day on which nobody is there any more; the same as `opens` for an office that is never open.
    closes: String,
    /// Minutes that local time is ahead of UTC.
    #[serde(default)]
    utc_offset_minutes: i64,
    /// Who answers meanwhile.
    answering_service: String,
}

/// The plugin.
pub struct NightService;

impl Plugin for NightService {
    type Config = Config;

    fn info() -> Info {
        Info::new(env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_NAME"), env!("CARGO_PKG_DESCRIPTION"))
    }

    fn check(config: &Config) -> Vec<Problem> {
        [("/opens", &config.opens), ("/closes", &config.closes)]
            .into_iter()
            .filter(|(_, time)| minute_of_day(time).is_none())
            .map(|(path, time)| Problem::new(path, format!("expected a time such as 08:30, found {time:?}")))
            .collect()
    }
}

impl Router for NightService {
    fn route(config: &Config, question: &Question, _host: &dyn Host) -> Result<RouteAnswer, Fault> {
        if question.call.callee.user != config.office {
            return Ok(RouteAnswer::pass("not the office"));
        }
        if is_open(config, question.call.now_ms)? {
            return Ok(RouteAnswer::pass("the office is open"));
        }
        if !question.attempts.is_empty() {
            return Ok(RouteAnswer::reject(480, "the answering service does not answer"));
        }
        Ok(RouteAnswer::dial([Target::aor(&config.answering_service)], "the office is closed"))
    }
}

export_router!(NightService);

fn is_open(config: &Config, now_ms: u64) -> Result<bool, Fault> {
    let time = |text: &str| {
        minute_of_day(text).ok_or_else(|| Fault::new("bad-config", format!("{text:?} is no time of the day")))
    };
    let (opens, closes) = (time(&config.opens)?, time(&config.closes)?);
    let utc = i64::try_from(now_ms / 60_000).unwrap_or(i64::MAX);
    let now = utc.saturating_add(config.utc_offset_minutes).rem_euclid(MINUTES_PER_DAY);
    // An office that closes after midnight is open at both ends of the day.
    Ok(if opens <= closes { (opens..closes).contains(&now) } else { now >= opens || now < closes })
}

fn minute_of_day(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then(|| i64::from(hours) * 60 + i64::from(minutes))
}

#[cfg(test)]
mod tests {
    use cordboard_plugin_sdk::testing::{TestHost, call, problems, question, route};
    use serde_json::json;

    use super::*;

    /// The decision at an hour of a day in UTC, for an office from `opens` to `closes`.
    fn decide(opens: &str, closes: &str, hour: u64) -> Decision {
        let config = json!({"office": "100", "opens": opens, "closes": closes, "answering-service": "900"});
        let mut call = call("1003", "100");
        call.now_ms = 1_700_006_400_000 + hour * 3_600_000;
        route::<NightService>(&config, &question(call), &TestHost::default()).expect("a decision").decision
    }

    #[test]
    fn the_office_answers_by_day_and_the_service_by_night() {
        let service = RouteAnswer::dial([Target::aor("900")], "").decision;
        for (opens, closes, hour, is_open) in [
            ("08:00", "18:00", 7, false),
            ("08:00", "18:00", 8, true),
            ("08:00", "18:00", 18, false),
            ("20:00", "04:00", 23, true),
            ("20:00", "04:00", 3, true),
            ("20:00", "04:00", 4, false),
            ("00:00", "00:00", 12, false),
        ] {
            let expected = if is_open { Decision::Pass } else { service.clone() };
            assert_eq!(decide(opens, closes, hour), expected, "{opens}-{closes} at {hour}");
        }
    }

    #[test]
    fn a_time_that_is_none_is_a_mistake() {
        let config = json!({"office": "100", "opens": "8", "closes": "25:00", "answering-service": "900"});
        assert_eq!(problems::<NightService>(&config).len(), 2);
    }
}
