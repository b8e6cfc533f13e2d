//! What stands for the plugins: how the node is answered when it asks.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use cordboard_b2bua::{Answer, Question};
use cordboard_model::{
    Aor, AuthorizationSubject, CallFacts, Dial, Rejection, RouteDecision, RouteQuestion, RouteReason,
    Strategy, Target, TargetAddress, Verdict,
};

/// The answers of a run. Without a script everybody may do everything, a registered user rings, and everybody else is 404.
#[derive(Debug, Default)]
pub struct Policy {
    /// How long an answer takes.
    pub delay: Duration,
    /// Questions get no answer at all, as from a driver that hangs.
    pub silent: bool,
    verdicts: BTreeMap<String, Verdict>,
    routes: BTreeMap<String, VecDeque<RouteDecision>>,
    locations: BTreeMap<Aor, Vec<String>>,
    /// Every routing question, oldest first.
    pub route_questions: Vec<RouteQuestion>,
    /// Every authorization question, oldest first.
    pub authorization_questions: Vec<AuthorizationSubject>,
}

impl Policy {
    /// Answers every authorization question about requests of this caller (user part of From) like this.
    pub fn authorize(&mut self, caller: &str, verdict: Verdict) {
        self.verdicts.insert(caller.to_owned(), verdict);
    }

    /// Answers the next routing question about calls to this user like this; each further call of this function answers
    /// the question after that.
    pub fn route(&mut self, callee: &str, decision: RouteDecision) {
        self.routes.entry(callee.to_owned()).or_default().push_back(decision);
    }

    /// Scripted routing answers that nobody asked for.
    pub fn unasked(&self) -> usize {
        self.routes.values().map(VecDeque::len).sum()
    }

    pub(crate) fn located(&mut self, aor: Aor, contacts: Vec<String>) {
        if contacts.is_empty() {
            self.locations.remove(&aor);
        } else {
            self.locations.insert(aor, contacts);
        }
    }

    pub(crate) fn answer(&mut self, question: Question) -> Option<Answer> {
        let answer = match question {
            Question::Authorize(subject) => {
                let verdict = self.verdict(subject.facts());
                self.authorization_questions.push(subject);
                Answer::Authorized(verdict)
            }
            Question::Route(question) => {
                let scripted = self.routes.get_mut(&question.call.callee.user).and_then(VecDeque::pop_front);
                let decision = scripted.unwrap_or_else(|| self.usual_route(&question));
                self.route_questions.push(question);
                Answer::Routed(decision)
            }
        };
        (!self.silent).then_some(answer)
    }

    /// What was scripted for the caller, except that nobody is challenged twice.
    fn verdict(&self, facts: &CallFacts) -> Verdict {
        match self.verdicts.get(&facts.caller.user) {
            Some(Verdict::Challenge(challenge))
                if facts.authenticated_as.as_ref() == Some(&challenge.user) =>
            {
                Verdict::Allow { attributes: Vec::new() }
            }
            Some(verdict) => verdict.clone(),
            None => Verdict::Allow { attributes: Vec::new() },
        }
    }

    fn usual_route(&self, question: &RouteQuestion) -> RouteDecision {
        if !matches!(question.reason, RouteReason::New | RouteReason::Refer) {
            // Nothing else to offer: the caller hears what the last target said.
            return reject(question.attempts.last().map_or(480, |attempt| attempt.status));
        }
        let user = &question.call.callee.user;
        if self.locations.keys().any(|aor| aor.user() == user) { dial(&[user]) } else { reject(404) }
    }
}

/// Rings all of these together: a URI where there is a scheme, else a user of ours.
pub fn dial(targets: &[&str]) -> RouteDecision {
    decision(targets, Strategy::Parallel)
}

/// Rings these one after the other.
pub fn dial_in_turn(targets: &[&str]) -> RouteDecision {
    decision(targets, Strategy::Sequential)
}

/// Refuses.
pub fn reject(status: u16) -> RouteDecision {
    RouteDecision::Reject(Rejection { status, reason: String::new(), retry_after_s: None })
}

/// One target, by a URI where there is a scheme, else by a user of ours.
pub fn target(name: &str) -> Target {
    let address = if name.contains(':') {
        TargetAddress::Uri(name.to_owned())
    } else {
        TargetAddress::Aor(name.to_owned())
    };
    Target::at(address)
}

fn decision(targets: &[&str], strategy: Strategy) -> RouteDecision {
    RouteDecision::Dial(Dial { targets: targets.iter().map(|name| target(name)).collect(), strategy })
}
