"""Lets only some callers reach some numbers, such as the director's own phone. Everything else is left to the next plugin."""
from cordboard_plugin import Problem, info
from cordboard_plugin.authorization import Answer, Authorizer, Subject, Subject_Call, allow, deny, leave


class VipList(Authorizer):
    """`config`: `numbers` that are protected, `vips` who may call them, and `trust-from` where phones prove nothing."""

    info = info("vip-list", "0.1.0", "Lets only some callers reach some numbers")

    def check(self, config):
        problems = [
            Problem(f"/{key}", "expected a list of numbers or extensions in quotes")
            for key in ("numbers", "vips")
            if not isinstance(config.get(key), list) or not all(isinstance(entry, str) for entry in config[key])
        ]
        if not isinstance(config.get("trust-from", False), bool):
            problems.append(Problem("/trust-from", "expected true or false"))
        return problems

    def authorize(self, config, subject: Subject, host) -> Answer:
        if not isinstance(subject, Subject_Call):
            return leave("no call")
        call = subject.value
        if call.callee.user not in config["numbers"]:
            return leave("not a protected number")
        # From proves nothing: a network where phones answer no challenge has to say that it believes it all the same.
        caller = call.authenticated_as or (call.caller.user if config.get("trust-from") else None)
        if caller in config["vips"]:
            return allow(f"{caller} is on the list", [("vip-list:vip", "yes")])
        host.count("refused")
        return deny(403, f"{caller or 'a caller without proof'} is not on the list")


Meta, Authorization = VipList.exports()
