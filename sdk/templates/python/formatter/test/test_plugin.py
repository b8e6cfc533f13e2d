import json
import unittest

from cordboard_plugin.formatting import Decision_Drop
from cordboard_plugin.testing import TestHost, event
from plugin import ChatLine


def decide(kind):
    return ChatLine().format({}, event(kind, '{"cause": "hung up"}'), TestHost()).decision


class ChatLineTest(unittest.TestCase):
    def test_an_ended_call_becomes_a_line(self):
        message = decide("call-ended").value[0]
        self.assertEqual(json.loads(message.body), {"text": "A call has ended: hung up"})

    def test_other_events_are_not_told(self):
        self.assertIsInstance(decide("call-started"), Decision_Drop)

    def test_a_key_is_a_mistake(self):
        self.assertEqual(len(ChatLine().check({"room": "x"})), 1)
