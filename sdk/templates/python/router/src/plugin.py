"""Sends calls for one number to the phone of somebody who is there."""
from cordboard_plugin import info, Problem
from cordboard_plugin.routing import Answer, Question, Router, aor, dial, leave, reject


class TeamNumber(Router):
    """`config` is the `config:` block of the plugin: `number`, what people dial, and `team`, who may take the call."""

    info = info("{{name}}", "0.1.0", "A {{kind}} for Cordboard", tables=["registrations"])

    def check(self, config):
        problems = []
        if not isinstance(config.get("number"), str):
            problems.append(Problem("/number", 'expected a number in quotes, such as "100"'))
        if not config.get("team"):
            problems.append(Problem("/team", "expected at least one extension"))
        return problems

    def route(self, config, question: Question, host) -> Answer:
        if question.call.callee.user != config["number"]:
            return leave("another number")
        if question.attempts:
            return reject(480, "the team does not answer")
        for extension in config["team"]:
            if host.lookup("registrations", extension) is not None:
                return dial([aor(extension)], f"{extension} is there")
        return reject(480, "nobody of the team is registered")


Meta, Routing = TeamNumber.exports()
