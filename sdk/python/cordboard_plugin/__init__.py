"""Write Cordboard plugins in Python.

A plugin is a class that derives from `Router` (module `routing`), `Authorizer` (`authorization`), `Escalator` (`escalation`) or
`Formatter` (`formatting`). The types of questions and answers are the dataclasses that `componentize-py` makes of the WIT files;
`cordboard plugin build` writes them into the folder `bindings`, for editors and for tests.
"""
import json
from typing import Any, List, Optional, Sequence, Tuple

from componentize_py_types import Err
from wit_world.exports.meta import Info, Problem
from wit_world.imports import config, log, lookup, metrics, types
from wit_world.imports.log import Level

Pairs = Sequence[Tuple[str, str]]


def info(name: str, version: str, summary: str, *, config_schema: str = "", tables: Sequence[str] = ()) -> Info:
    """What the plugin says about itself."""
    return Info(name, version, summary, config_schema, list(tables), [])


def fault(code: str, message: str, *, retryable: bool = False) -> Err:
    """To be raised when the plugin cannot decide: the host counts it, shows it to the operator and takes the fallback."""
    return Err(types.Fault(code, message, retryable))


def rejection(status: int, *, reason: str = "", retry_after_s: Optional[int] = None) -> types.Rejection:
    """A final answer that refuses a request, with a SIP status from 400 to 699."""
    return types.Rejection(status, reason, retry_after_s, [])


class Host:
    """What a plugin may ask of its host. `testing.TestHost` stands in for it in native tests."""

    def log(self, level: Level, message: str, fields: Pairs = ()) -> None:
        """Writes a line to the operator's log."""
        log.emit(level, message, list(fields))

    def lookup(self, table: str, key: str) -> Optional[str]:
        """The value of a key in one of the host's tables."""
        return lookup.get(table, key)

    def longest_prefix(self, table: str, key: str) -> Optional[Tuple[str, str]]:
        """The entry with the longest key that `key` begins with."""
        return lookup.longest_prefix(table, key)

    def count(self, name: str, labels: Pairs = (), value: float = 1.0) -> None:
        """Adds to a counter of this plugin."""
        metrics.add(name, list(labels), value)


class Plugin:
    """What every kind of plugin has."""

    info: Info
    """Set it in the class."""

    def check(self, config: Any) -> List[Problem]:
        """Finds every mistake in the configuration block."""
        return []

    @classmethod
    def meta(cls) -> type:
        """The class `Meta` of the component."""

        class Meta:
            def describe(self) -> Info:
                return cls.info

            def check_config(self, config_json: str) -> None:
                problems = _problems(cls(), config_json)
                if problems:
                    raise Err(problems)

        return Meta


def _problems(plugin: Plugin, text: str) -> List[Problem]:
    try:
        return plugin.check(json.loads(text))
    except Exception as error:  # a plugin that trips over a block does not accept it
        return [Problem("", repr(error))]


def ask(decide: Any, *arguments: Any) -> Any:
    """Calls the function of the kind with the configuration, and makes a fault of whatever it raises."""
    try:
        return decide(json.loads(config.get()), *arguments)
    except Err:
        raise
    except Exception as error:
        raise fault("exception", repr(error)[:1000]) from error
