//! Hides what belongs to persons before it is written: numbers, names, addresses, and what callers put into headers.
//!
//! Every field of a question is named here, so that one that is added does not compile until somebody has decided whether it is personal.

use std::net::IpAddr;

use cordboard_model::{
    Attempt, Attributes, AuthorizationSubject, CallFacts, CallerIdentity, Challenge, Credential, Dial, Party,
    ReferFacts, Referral, RouteDecision, RouteQuestion, Target, TargetAddress, Verdict,
};
use cordboard_plugin::StepOutcome;
use cordboard_store::PersonalData;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// What is done to personal data.
#[derive(Clone, Debug)]
pub(crate) struct Mask(Way);

#[derive(Clone)]
enum Way {
    Keep,
    /// Keyed, so that nobody without the key finds a number by hashing all numbers.
    Hash(Hmac<Sha256>),
    /// What [`Way::Hash`] leaves out is left out of something whose numbers are hashes already.
    WordsOnly,
    Drop,
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Keep => "Keep",
            Self::Hash(_) => "Hash",
            Self::WordsOnly => "WordsOnly",
            Self::Drop => "Drop",
        })
    }
}

impl Mask {
    /// Everything stays as it is.
    pub(crate) const fn keep() -> Self {
        Self(Way::Keep)
    }

    /// Nothing personal stays.
    pub(crate) const fn drop() -> Self {
        Self(Way::Drop)
    }

    /// Equal ones stay equal.
    pub(crate) fn hash(key: [u8; 32]) -> Self {
        Self(Way::Hash(Hmac::new_from_slice(&key).expect("a key of HMAC has any length")))
    }

    /// For what a plugin says about hashed numbers.
    pub(crate) const fn words_only() -> Self {
        Self(Way::WordsOnly)
    }

    /// As the journal names it.
    pub(crate) fn personal_data(&self) -> PersonalData {
        match self.0 {
            Way::Keep => PersonalData::Keep,
            Way::Hash(_) | Way::WordsOnly => PersonalData::Hash,
            Way::Drop => PersonalData::Drop,
        }
    }

    pub(crate) fn subject(&self, subject: &mut AuthorizationSubject) {
        match subject {
            AuthorizationSubject::Call(facts) | AuthorizationSubject::Register(facts) => self.facts(facts),
            AuthorizationSubject::Refer(ReferFacts { call, refer_to, replaces: _ }) => {
                self.facts(call);
                self.uri(refer_to);
            }
        }
    }

    pub(crate) fn question(&self, question: &mut RouteQuestion) {
        let RouteQuestion { call, reason: _, attempts, redirects, referral } = question;
        self.facts(call);
        for Attempt { target, outcome: _, status: _, duration_ms: _ } in attempts {
            self.address(target);
        }
        redirects.iter_mut().for_each(|uri| self.uri(uri));
        if let Some(Referral { by: _, refer_to, replaces: _ }) = referral {
            self.uri(refer_to);
        }
    }

    pub(crate) fn verdict(&self, verdict: &mut Verdict) {
        match verdict {
            Verdict::Allow { attributes } => self.values(attributes),
            Verdict::Challenge(Challenge { realm: _, user, credential }) => {
                self.text(user);
                match credential {
                    // The name of a secret says nothing about it, and hashes of passwords are never serialised.
                    Credential::Secret(_) | Credential::Ha1(_) => {}
                }
            }
            Verdict::Deny(rejection) => self.free_text(&mut rejection.reason),
        }
    }

    pub(crate) fn decision(&self, decision: &mut RouteDecision) {
        match decision {
            RouteDecision::Dial(Dial { targets, strategy: _ }) => {
                targets.iter_mut().for_each(|target| self.target(target));
            }
            RouteDecision::Reject(rejection) => self.free_text(&mut rejection.reason),
            RouteDecision::Redirect(uris) => uris.iter_mut().for_each(|uri| self.uri(uri)),
        }
    }

    /// What a plugin says about its answer or failure names numbers, and nobody knows where in it.
    pub(crate) fn free_text(&self, text: &mut String) {
        if !matches!(self.0, Way::Keep) {
            text.clear();
        }
    }

    /// The message of a failure.
    pub(crate) fn outcome(&self, outcome: &mut StepOutcome) {
        if let StepOutcome::Failed(failure) = outcome {
            self.free_text(&mut failure.message);
        }
    }

    fn facts(&self, facts: &mut CallFacts) {
        let CallFacts {
            call_id: _,
            sip_call_id,
            method: _,
            transport: _,
            source,
            caller,
            callee,
            trunk: _,
            extension,
            authenticated_as,
            headers,
            hop: _,
            now_ms: _,
            attributes,
        } = facts;
        self.text(sip_call_id);
        self.text(source);
        self.party(caller);
        self.party(callee);
        extension.iter_mut().for_each(|extension| self.text(extension));
        authenticated_as.iter_mut().for_each(|user| self.text(user));
        self.headers(headers);
        self.values(attributes);
    }

    fn party(&self, party: &mut Party) {
        let Party { uri, user, host, display } = party;
        self.uri(uri);
        self.text(user);
        self.host(host);
        display.iter_mut().for_each(|display| self.text(display));
    }

    fn target(&self, target: &mut Target) {
        let Target { address, ring_timeout: _, caller, headers, remove_headers: _, srtp: _ } = target;
        self.address(address);
        if let Some(CallerIdentity { user, display, host, anonymous: _ }) = caller {
            self.text(user);
            display.iter_mut().for_each(|display| self.text(display));
            host.iter_mut().for_each(|host| self.host(host));
        }
        self.headers(headers);
    }

    fn address(&self, address: &mut TargetAddress) {
        match address {
            TargetAddress::Aor(aor) => self.user_at_host(aor),
            TargetAddress::Uri(uri) => self.uri(uri),
            TargetAddress::Trunk { trunk: _, number } => self.text(number),
        }
    }

    /// Which headers there were is worth knowing; their values are whatever a caller wrote.
    fn headers(&self, headers: &mut Attributes) {
        headers.iter_mut().for_each(|(_, value)| self.free_text(value));
    }

    fn values(&self, attributes: &mut Attributes) {
        attributes.iter_mut().for_each(|(_, value)| self.text(value));
    }

    /// `sip:user@host;parameters` with its user hidden, and without parameters. A `tel` URI has only a user.
    pub(crate) fn uri(&self, uri: &mut String) {
        if matches!(self.0, Way::Keep) {
            return;
        }
        let (scheme, rest) = uri.split_once(':').unwrap_or(("", uri));
        let (scheme, mut rest) = (scheme.to_owned(), rest.to_owned());
        match rest.rfind('@') {
            Some(at) => {
                rest.truncate(rest[at..].find([';', '?']).map_or(rest.len(), |end| at + end));
                self.user_at_host(&mut rest);
            }
            None if scheme == "sip" || scheme == "sips" => {
                rest.truncate(rest.find([';', '?']).unwrap_or(rest.len()));
                self.host(&mut rest);
            }
            None => self.text(&mut rest),
        }
        *uri = if scheme.is_empty() { rest } else { format!("{scheme}:{rest}") };
    }

    fn user_at_host(&self, address: &mut String) {
        match address.rsplit_once('@') {
            Some((user, host)) => {
                let (mut user, mut host) = (user.to_owned(), host.to_owned());
                self.text(&mut user);
                self.host(&mut host);
                *address = format!("{user}@{host}");
            }
            None => self.text(address),
        }
    }

    /// A domain is that of a company, the address of a phone that of a person.
    fn host(&self, host: &mut String) {
        let end = if host.starts_with('[') { host.find(']').map(|end| end + 1) } else { host.find(':') };
        let name = &host[..end.unwrap_or(host.len())];
        if name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
            self.text(host);
        }
    }

    /// A number, a name or an address.
    pub(crate) fn text(&self, text: &mut String) {
        match &self.0 {
            Way::Keep | Way::WordsOnly => {}
            Way::Drop => text.clear(),
            Way::Hash(_) if text.is_empty() => {}
            Way::Hash(keyed) => {
                let hash = keyed.clone().chain_update(text.as_bytes()).finalize().into_bytes();
                // Fits into a user part, and 64 bits keep the numbers of a country apart.
                *text = hash[..8].iter().fold(String::from("h"), |text, byte| text + &format!("{byte:02x}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::record::tests::{dial, question};

    fn hash() -> Mask {
        Mask::hash([7; 32])
    }

    #[test]
    fn nothing_personal_is_left_and_equal_numbers_stay_equal() {
        let (mut question, mut decision) = (question("1003", "1001"), dial("1001"));
        hash().question(&mut question);
        hash().decision(&mut decision);
        let json = serde_json::to_string(&(&question, &decision)).expect("it is JSON");
        for personal in ["1001", "1003", "192.0.2.7", "Alice", "secret words"] {
            assert!(!json.contains(personal), "{personal} in {json}");
        }
        let RouteDecision::Dial(dial) = decision else { panic!("it was a dial") };
        assert_eq!(dial.targets[0].address, TargetAddress::Aor(question.call.callee.user.clone()));
        assert_eq!(question.call.extension.as_ref(), Some(&question.call.callee.user));
        assert_ne!(question.call.caller.user, question.call.callee.user);
        assert_eq!(question.call.callee.uri, format!("sip:{}@pbx.example", question.call.callee.user));
        assert_eq!(question.call.headers, [("Subject".to_owned(), String::new())]);
    }

    #[test]
    fn another_installation_has_other_hashes() {
        let hidden = |mask: Mask| {
            let mut text = "+8210".to_owned();
            mask.text(&mut text);
            text
        };
        assert_eq!(hidden(hash()), hidden(hash()));
        assert_ne!(hidden(hash()), hidden(Mask::hash([8; 32])));
        assert_eq!((hidden(Mask::keep()), hidden(Mask::drop())), ("+8210".to_owned(), String::new()));
    }

    #[test]
    fn of_a_uri_the_scheme_and_the_domain_are_left() {
        let h = |text: &str| {
            let mut text = text.to_owned();
            hash().text(&mut text);
            text
        };
        for (uri, expected) in [
            ("sip:1001@pbx.example:5061;transport=tls", format!("sip:{}@pbx.example:5061", h("1001"))),
            ("sips:a@b@192.0.2.7:5060?Subject=x", format!("sips:{}@{}", h("a@b"), h("192.0.2.7:5060"))),
            ("sip:[2001:db8::7]:5060", format!("sip:{}", h("[2001:db8::7]:5060"))),
            ("sip:gateway.example;lr", "sip:gateway.example".to_owned()),
            ("tel:+8210;phone-context=x", format!("tel:{}", h("+8210;phone-context=x"))),
            ("1001", h("1001")),
            ("", String::new()),
        ] {
            let mut hidden = uri.to_owned();
            hash().uri(&mut hidden);
            assert_eq!(hidden, expected, "{uri}");
        }
    }
}
