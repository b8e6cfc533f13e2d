"""Where a call goes."""
from typing import Any, Optional, Sequence, Tuple

from wit_world.exports import routing
from wit_world.exports.routing import *  # noqa: F403 - the types of questions and answers, for plugins
from wit_world.exports.routing import Answer, Question

from . import Host, Plugin, ask, rejection


class Router(Plugin):
    """A plugin that decides where a call goes. At the end of the module: `Meta, Routing = MyRouter.exports()`."""

    def route(self, config: Any, question: Question, host: Host) -> Answer:
        """Decides. The same question and configuration have to give the same answer."""
        raise NotImplementedError

    @classmethod
    def exports(cls) -> Tuple[type, type]:
        """The classes of the component."""

        class Routing:
            def route(self, question: Question) -> Answer:
                return ask(cls().route, question, Host())

        return cls.meta(), Routing


def answer(decision: Any, why: str = "", memo: str = "") -> Answer:
    """Any decision, and one sentence that says why."""
    return Answer(decision, memo, why, [])


def _target(address: Any, ring_timeout_ms: Optional[int]) -> routing.Target:
    return routing.Target(address, ring_timeout_ms, None, [], [], routing.Srtp.UNSPECIFIED, [])


def aor(user: str, *, ring_timeout_ms: Optional[int] = None) -> routing.Target:
    """A registered user: `user`, or `user@domain`."""
    return _target(routing.TargetAddress_Aor(user), ring_timeout_ms)


def uri(sip_uri: str, *, ring_timeout_ms: Optional[int] = None) -> routing.Target:
    """A SIP URI."""
    return _target(routing.TargetAddress_Uri(sip_uri), ring_timeout_ms)


def trunk(name: str, number: str, *, ring_timeout_ms: Optional[int] = None) -> routing.Target:
    """A number behind a trunk."""
    return _target(routing.TargetAddress_Trunk(routing.TrunkNumber(name, number)), ring_timeout_ms)


def dial(
    targets: Sequence[routing.Target],
    why: str = "",
    *,
    parallel: bool = False,
    record_media: bool = False,
    transcribe: bool = False,
) -> Answer:
    """Rings targets, one after the other or together."""
    strategy = routing.Strategy.PARALLEL if parallel else routing.Strategy.SEQUENTIAL
    return answer(routing.Decision_Dial(routing.Dial(list(targets), strategy, record_media, transcribe, [])), why)


def reject(status: int, why: str = "", *, reason: str = "", retry_after_s: Optional[int] = None) -> Answer:
    """Refuses the call with a SIP status from 400 to 699."""
    return answer(routing.Decision_Reject(rejection(status, reason=reason, retry_after_s=retry_after_s)), why)


def redirect(uris: Sequence[str], why: str = "") -> Answer:
    """Answers 302 with these URIs, best first."""
    return answer(routing.Decision_Redirect(list(uris)), why)


def leave(why: str = "") -> Answer:
    """Leaves the call to the next plugin of the chain (`pass`)."""
    return answer(routing.Decision_Pass(), why)


def say(text: str, language: Optional[str] = None, voice: Optional[str] = None) -> Any:
    """A text that is spoken."""
    return routing.Prompt_Speech(routing.Speech(text, language, voice))


def play(prompts: Sequence[Any], why: str = "", *, repeat: int = 1, early: bool = False, next: Any = None) -> Answer:
    """Lets the caller hear something, then asks again unless `next` says otherwise."""
    chosen = next or routing.Next_AskAgain()
    return answer(routing.Decision_Play(routing.Play(list(prompts), repeat, early, chosen, [])), why)


def collect(prompts: Sequence[Any], max_digits: int, why: str = "", *, min_digits: int = 1, terminators: str = "#",
            first_digit_ms: int = 5000, inter_digit_ms: int = 3000) -> Answer:
    """Lets the caller press digits; the plugin is asked again with them."""
    wanted = routing.Collect(list(prompts), min_digits, max_digits, terminators, first_digit_ms, inter_digit_ms, [])
    return answer(routing.Decision_Collect(wanted), why)
