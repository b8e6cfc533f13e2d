//! The routing plugin that Cordboard starts with.
//!
//! In this order: a number of the table rings its targets; a registered extension rings its phones; the trunk with the longest
//! matching prefix carries the rest; what looks like an extension but is nowhere gets 480, anything else 404.
//!
//! When everything that was tried has failed, the next possibility is taken (overflow targets, the reserve trunk), and at the end the
//! caller learns what happened: 486 when somebody was busy, 480 when nobody answered.

mod config;

use config::{Config, Number, SCHEMA, parse_target};
use cordboard_plugin_sdk::prelude::*;

/// The plugin.
pub struct RouteByExtension;

impl Plugin for RouteByExtension {
    type Config = Config;

    fn info() -> Info {
        Info::new(env!("CARGO_PKG_VERSION"), "route-by-extension", env!("CARGO_PKG_DESCRIPTION"))
            .config_schema(SCHEMA)
            .tables(&["registrations"])
    }

    fn check(config: &Config) -> Vec<Problem> {
        config.problems()
    }
}

impl Router for RouteByExtension {
    fn route(config: &Config, question: &Question, host: &dyn Host) -> Result<RouteAnswer, Fault> {
        let dialled = dialled_number(&question.call);
        if question.reason == Reason::Redirected
            && let Some(forwarded) = own_redirect(question, host)
        {
            let why = format!("forwarded to {forwarded} by the callee");
            return Ok(RouteAnswer::dial([Target::aor(forwarded).ring_for_ms(config.ring_ms())], why));
        }
        let possibilities = possibilities(config, dialled, host);
        let known = !possibilities.is_empty();
        let untried = possibilities.into_iter().find(|(dial, _)| !was_tried(dial, question));
        Ok(match untried {
            Some((dial, why)) => RouteAnswer::new(Decision::Dial(dial), why),
            None if !question.attempts.is_empty() => give_up(question),
            None if known || config.looks_like_extension(dialled) => {
                RouteAnswer::reject(480, format!("{dialled} is an extension, but no phone is registered"))
            }
            None => {
                RouteAnswer::reject(404, format!("{dialled} is no extension, no number and matches no trunk"))
            }
        })
    }
}

export_router!(RouteByExtension);

/// What was dialled: the extension by the host's rule, or the user part as it is.
fn dialled_number(call: &Call) -> &str {
    call.extension.as_deref().unwrap_or(&call.callee.user)
}

/// Everything that could be tried for a number, best first, each with the reason.
fn possibilities(config: &Config, dialled: &str, host: &dyn Host) -> Vec<(Dial, String)> {
    if let Some(number) = config.numbers.get(dialled) {
        return number_targets(config, dialled, number);
    }
    if host.lookup("registrations", dialled).is_some() {
        let target = Target::aor(dialled).ring_for_ms(config.ring_ms());
        return vec![(Dial::new([target], Strategy::Parallel), format!("{dialled} is registered"))];
    }
    trunk_targets(config, dialled)
}

fn number_targets(config: &Config, dialled: &str, number: &Number) -> Vec<(Dial, String)> {
    let strategy = if number.together { Strategy::Parallel } else { Strategy::Sequential };
    [(&number.targets, "targets"), (&number.overflow, "overflow")]
        .into_iter()
        .filter(|(targets, _)| !targets.is_empty())
        .map(|(targets, list)| {
            // `check` has refused every block with a target that cannot be read.
            let targets = targets.iter().filter_map(|text| parse_target(text).ok());
            let targets = targets.map(|target| target.ring_for_ms(config.ring_ms()).srtp(number.srtp.wish()));
            (Dial::new(targets, strategy), format!("{list} of the number {dialled}"))
        })
        .collect()
}

fn trunk_targets(config: &Config, dialled: &str) -> Vec<(Dial, String)> {
    let matching = || config.trunks.iter().filter(|trunk| dialled.starts_with(&trunk.prefix));
    let Some(longest) = matching().map(|trunk| trunk.prefix.len()).max() else { return Vec::new() };
    matching()
        .filter(|trunk| trunk.prefix.len() == longest)
        .map(|trunk| {
            let rest = dialled.get(trunk.strip..).unwrap_or_default();
            let number = format!("{}{rest}", trunk.prepend);
            let target =
                Target::trunk(&trunk.trunk, number).ring_for_ms(config.ring_ms()).srtp(trunk.srtp.wish());
            let why = format!("prefix {:?} belongs to trunk {}", trunk.prefix, trunk.trunk);
            (Dial::new([target], Strategy::Sequential), why)
        })
        .collect()
}

fn was_tried(dial: &Dial, question: &Question) -> bool {
    let tried = |target: &Target| question.attempts.iter().any(|attempt| attempt.address == target.address);
    dial.targets.iter().any(tried)
}

/// The first contact of a 3xx that is a registered user of ours and was not tried. Whoever sends a 3xx could otherwise make us call
/// expensive numbers, so that nothing else is followed.
fn own_redirect(question: &Question, host: &dyn Host) -> Option<String> {
    question.redirects.iter().find_map(|uri| {
        let address = uri.strip_prefix("sip:").or_else(|| uri.strip_prefix("sips:"))?;
        let address = address.split([';', '?']).next().unwrap_or_default();
        let (user, domain) = address.rsplit_once('@')?;
        let domain = domain.split(':').next().unwrap_or_default();
        let is_ours = domain.eq_ignore_ascii_case(&question.call.callee.host);
        let target = TargetAddress::Aor(user.to_owned());
        let is_new = question.attempts.iter().all(|attempt| attempt.address != target);
        (is_ours && is_new && host.lookup("registrations", user).is_some()).then(|| user.to_owned())
    })
}

/// Says what came of the attempts, the most telling one first.
fn give_up(question: &Question) -> RouteAnswer {
    let ended = |outcome: Outcome| question.attempts.iter().any(|attempt| attempt.outcome == outcome);
    if ended(Outcome::Busy) {
        return RouteAnswer::reject(486, "everybody who was tried is busy or away");
    }
    if ended(Outcome::Rejected) {
        return RouteAnswer::reject(603, "the callee declined");
    }
    if ended(Outcome::Failed) {
        return RouteAnswer::reject(502, "what was tried failed");
    }
    RouteAnswer::reject(480, "nobody answered")
}

#[cfg(test)]
mod tests;
