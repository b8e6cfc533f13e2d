"""Lets some extensions call international numbers, and nobody else."""
from cordboard_plugin import info, Problem
from cordboard_plugin.authorization import Answer, Authorizer, Subject, Subject_Call, allow, deny, leave


class International(Authorizer):
    """`config` is the `config:` block of the plugin: `prefix`, how international numbers begin, and `allowed`, who may call them."""

    info = info("{{name}}", "0.1.0", "A {{kind}} for Cordboard")

    def check(self, config):
        problems = []
        if not isinstance(config.get("prefix"), str) or not config["prefix"]:
            problems.append(Problem("/prefix", "expected the beginning of a number in quotes"))
        if not isinstance(config.get("allowed"), list):
            problems.append(Problem("/allowed", "expected a list of extensions"))
        return problems

    def authorize(self, config, subject: Subject, host) -> Answer:
        if not isinstance(subject, Subject_Call):
            return leave("no call")
        call = subject.value
        if not call.callee.user.startswith(config["prefix"]):
            return leave("not international")
        # What the caller's phone proved with a digest answer. Anybody can write anything into From.
        if call.authenticated_as in config["allowed"]:
            return allow(f"{call.authenticated_as} may call abroad")
        return deny(403, "may not call abroad")


Meta, Authorization = International.exports()
