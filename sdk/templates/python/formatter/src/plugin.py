"""Makes a line for a chat room of every call that has ended."""
import json

from cordboard_plugin import info, Problem
from cordboard_plugin import formatting
from cordboard_plugin.formatting import Answer, Formatter, Question, deliver, unwanted


class ChatLine(Formatter):
    """There is nothing to configure."""

    info = info("{{name}}", "0.1.0", "A {{kind}} for Cordboard")

    def check(self, config):
        return [Problem(f"/{key}", "expected no key, there is nothing to configure") for key in config]

    def format(self, config, question: Question, host) -> Answer:
        if question.event.kind != "call-ended":
            return unwanted("only ended calls are told")
        cause = json.loads(question.event.json).get("cause", "no cause is known")
        return deliver([formatting.json({"text": f"A call has ended: {cause}"})], "an ended call")


Meta, EventFormatting = ChatLine.exports()
