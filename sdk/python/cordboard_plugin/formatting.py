"""What an event looks like to its receiver."""
import json as _json
from typing import Any, Sequence, Tuple

from wit_world.exports import event_formatting
from wit_world.exports.event_formatting import *  # noqa: F403 - the types of questions and answers, for plugins
from wit_world.exports.event_formatting import Answer, Message, Question
from wit_world.imports import http

from . import Host, Pairs, Plugin, ask


class WebHost(Host):
    """The host of a plugin that may wait for a server that the operator allows."""

    def send(self, request: http.Request) -> http.Response:
        """Sends a request and waits for the response; raises `Err` with why there is none."""
        return http.send(request)


class Formatter(Plugin):
    """A plugin that shapes events. At the end of the module: `Meta, EventFormatting = MyFormatter.exports()`."""

    def format(self, config: Any, question: Question, host: WebHost) -> Answer:
        """Makes the messages for one sink."""
        raise NotImplementedError

    @classmethod
    def exports(cls) -> Tuple[type, type]:
        """The classes of the component."""

        class EventFormatting:
            def format(self, question: Question) -> Answer:
                return ask(cls().format, question, WebHost())

        return cls.meta(), EventFormatting


def deliver(messages: Sequence[Message], why: str = "") -> Answer:
    """Delivers messages in their order."""
    return Answer(event_formatting.Decision_Deliver(list(messages)), why, [])


def unwanted(why: str = "") -> Answer:
    """The sink does not want this event."""
    return Answer(event_formatting.Decision_Drop(), why, [])


def leave(why: str = "") -> Answer:
    """Leaves the event to the next plugin of the chain (`pass`)."""
    return Answer(event_formatting.Decision_Pass(), why, [])


def message(content_type: str, body: bytes, headers: Pairs = ()) -> Message:
    """Any content."""
    return Message(content_type, body, list(headers), [])


def json(value: Any, headers: Pairs = ()) -> Message:
    """JSON."""
    return message("application/json", _json.dumps(value).encode(), headers)
