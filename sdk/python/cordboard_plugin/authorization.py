"""Who may do what."""
from typing import Any, Sequence, Tuple

from wit_world.exports import authorization
from wit_world.exports.authorization import *  # noqa: F403 - the types of questions and answers, for plugins
from wit_world.exports.authorization import Answer, Subject
from wit_world.imports import http

from . import Host, Pairs, Plugin, ask, rejection


class WebHost(Host):
    """The host of a plugin that may wait for a server that the operator allows."""

    def send(self, request: http.Request) -> http.Response:
        """Sends a request and waits for the response; raises `Err` with why there is none."""
        return http.send(request)


class Authorizer(Plugin):
    """A plugin that decides who may do what. At the end of the module: `Meta, Authorization = MyAuthorizer.exports()`."""

    def authorize(self, config: Any, subject: Subject, host: WebHost) -> Answer:
        """Decides. The same question and configuration have to give the same answer."""
        raise NotImplementedError

    @classmethod
    def exports(cls) -> Tuple[type, type]:
        """The classes of the component."""

        class Authorization:
            def authorize(self, subject: Subject) -> Answer:
                return ask(cls().authorize, subject, WebHost())

        return cls.meta(), Authorization


def allow(why: str = "", attributes: Pairs = ()) -> Answer:
    """Lets it happen; routing sees the attributes."""
    return Answer(authorization.Verdict_Allow(list(attributes)), why, [])


def deny(status: int, why: str = "", *, reason: str = "") -> Answer:
    """Refuses with a SIP status."""
    return Answer(authorization.Verdict_Deny(rejection(status, reason=reason)), why, [])


def challenge(realm: str, user: str, secret: str, why: str = "", algorithms: Sequence[Any] = ()) -> Answer:
    """Wants a proof of being `user`, verified with a secret of the host's configuration."""
    wanted = authorization.Challenge(realm, user, authorization.Credential_Secret(secret), list(algorithms), [])
    return Answer(authorization.Verdict_Challenge(wanted), why, [])


def leave(why: str = "") -> Answer:
    """Leaves it to the next plugin of the chain (`pass`)."""
    return Answer(authorization.Verdict_Pass(), why, [])
