"""Calls one contact after the other, in the order of their priority, so many rounds as configured."""
from cordboard_plugin import info, Problem
from cordboard_plugin.escalation import Answer, Escalator, Question, give_up, page, steps, wait


class InTurn(Escalator):
    """`config` is the `config:` block of the plugin: `rounds`, how often everybody is called."""

    info = info("{{name}}", "0.1.0", "A {{kind}} for Cordboard")

    def check(self, config):
        rounds = config.get("rounds")
        return [] if isinstance(rounds, int) and rounds > 0 else [Problem("/rounds", "expected a whole number from 1")]

    def escalate(self, config, question: Question, host) -> Answer:
        incident = question.incident
        if any(attempt.ended_ms is None for attempt in incident.history):
            return steps([wait("next", 30_000)], "somebody is being called")
        contacts = sorted(incident.contacts, key=lambda contact: contact.priority)
        calls = len(incident.history)
        if calls >= config["rounds"] * len(contacts):
            return steps([give_up("nobody acknowledged")], "everybody was called")
        following = contacts[calls % len(contacts)]
        return steps([page(following.id)], f"{following.name} is next")


Meta, Escalation = InTurn.exports()
