"""Who is called next about an incident."""
from typing import Any, Optional, Sequence, Tuple

from wit_world.exports import escalation
from wit_world.exports.escalation import *  # noqa: F403 - the types of questions and answers, for plugins
from wit_world.exports.escalation import Answer, Question

from . import Host, Plugin, ask


class Escalator(Plugin):
    """A plugin that decides who is called next. At the end of the module: `Meta, Escalation = MyEscalator.exports()`."""

    def escalate(self, config: Any, question: Question, host: Host) -> Answer:
        """Decides. What has to be remembered goes into the memo and comes back with the next question."""
        raise NotImplementedError

    @classmethod
    def exports(cls) -> Tuple[type, type]:
        """The classes of the component."""

        class Escalation:
            def escalate(self, question: Question) -> Answer:
                return ask(cls().escalate, question, Host())

        return cls.meta(), Escalation


def steps(wanted: Sequence[Any], why: str = "", memo: str = "") -> Answer:
    """Carries these out in their order."""
    return Answer(escalation.Decision_Steps(list(wanted)), memo, why, [])


def leave(why: str = "", memo: str = "") -> Answer:
    """Leaves the incident to the next plugin of the chain (`pass`)."""
    return Answer(escalation.Decision_Pass(), memo, why, [])


def page(contact: str, *, say: Optional[str] = None, providers: Sequence[str] = (), repeat: int = 0,
         acknowledge_digit: str = "", answer_timeout_ms: int = 0) -> escalation.Step_Page:
    """Calls a contact."""
    call = escalation.Page(contact, list(providers), say, repeat, acknowledge_digit, answer_timeout_ms, [])
    return escalation.Step_Page(call)


def wait(timer: str, after_ms: int) -> escalation.Step_Wait:
    """Asks again later."""
    return escalation.Step_Wait(escalation.Wait(timer, after_ms))


def give_up(reason: str) -> escalation.Step_GiveUp:
    """Gives up: operators are told."""
    return escalation.Step_GiveUp(reason)
