"""A host and questions for native tests: `python3 -m unittest`, with `bindings` and `sdk/python` in the path."""
from typing import Any, Dict, List, Optional, Tuple

from wit_world.imports import types

from . import Host


class TestHost(Host):
    """Stands in for the host: tables that the test fills, and everything the plugin logged and counted."""

    __test__ = False

    def __init__(self, tables: Optional[Dict[str, Dict[str, str]]] = None):
        self.tables = tables or {}
        self.logged: List[str] = []
        self.counted: Dict[str, float] = {}

    @classmethod
    def with_registered(cls, *users: str) -> "TestHost":
        """A host whose table `registrations` has these users."""
        return cls({"registrations": {user: f"sip:{user}@192.0.2.1" for user in users}})

    def log(self, level: Any, message: str, fields: Any = ()) -> None:
        self.logged.append(message)

    def lookup(self, table: str, key: str) -> Optional[str]:
        return self.tables.get(table, {}).get(key)

    def longest_prefix(self, table: str, key: str) -> Optional[Tuple[str, str]]:
        fits = [entry for entry in self.tables.get(table, {}).items() if key.startswith(entry[0])]
        return max(fits, key=lambda entry: len(entry[0]), default=None)

    def count(self, name: str, labels: Any = (), value: float = 1.0) -> None:
        self.counted[name] = self.counted.get(name, 0.0) + value


NOW_MS = 1_700_000_000_000


def party(user: str) -> types.Party:
    """One side of a call."""
    return types.Party(f"sip:{user}@pbx.example", user, "pbx.example", None, [])


def call(caller: str, callee: str, **more: Any) -> types.Call:
    """A new call from one user to another, both of `pbx.example`."""
    made = types.Call(
        id="0000000000000000000000000000002a", sip_call_id="2a@192.0.2.7", method="INVITE", transport="udp",
        source="192.0.2.7:5060", caller=party(caller), callee=party(callee), trunk=None, extension=callee,
        authenticated_as=None, tenant=None, headers=[], hop=70, now_ms=NOW_MS, attrs=[],
    )
    for name, value in more.items():
        setattr(made, name, value)
    return made


def question(made: types.Call, **more: Any) -> Any:
    """The routing question about a call."""
    from wit_world.exports import routing

    values: Dict[str, Any] = dict(
        call=made, reason=routing.Reason.NEW, attempts=[], redirects=[], referral=None, digits=None, recording=None,
        stream_end=None, memo="", attrs=[],
    )
    values.update(more)
    return routing.Question(**values)


def incident(*contacts: str, **more: Any) -> Any:
    """The question about an incident with these contacts, the first of them `primary`."""
    from wit_world.exports import escalation

    people = [
        escalation.Contact(name, name, "secondary" if index else "primary", [], f"+8225550{100 + index}", "", index, [])
        for index, name in enumerate(contacts)
    ]
    values: Dict[str, Any] = dict(
        id="incident-1", severity="critical", summary="The database does not answer", text="The database does not answer",
        opened_ms=NOW_MS, contacts=people, providers=[escalation.Provider("carrier", "sip", True, [])], history=[],
        timers=[], success=escalation.Success.ACKNOWLEDGED, attempts_left=20, memo="", attrs=[],
    )
    values.update(more)
    return escalation.Question(escalation.Incident(**values), escalation.Trigger_Opened(), NOW_MS, [])


def paged(number: int, contact: str, outcome: Any, ended: bool = True) -> Any:
    """A page, ended or not."""
    from wit_world.exports import escalation

    return escalation.Attempt(number, contact, "carrier", NOW_MS, NOW_MS + 15_000 if ended else None, outcome, [])


def event(kind: str, text: str) -> Any:
    """The question about an event, with its canonical JSON, for a webhook."""
    from wit_world.exports import event_formatting as formatting

    happened = formatting.Event("event-1", kind, 1, NOW_MS, None, None, [], text, [])
    return formatting.Question(happened, formatting.Sink("webhook", "webhook", []), NOW_MS, [])
