import unittest

from cordboard_plugin.authorization import Subject_Call, Verdict_Allow, Verdict_Deny, Verdict_Pass
from cordboard_plugin.testing import TestHost, call
from plugin import International

CONFIG = {"prefix": "00", "allowed": ["1001"]}


def decide(proved, dialled):
    subject = Subject_Call(call("1001", dialled, authenticated_as=proved))
    return International().authorize(CONFIG, subject, TestHost()).verdict


class InternationalTest(unittest.TestCase):
    def test_who_is_allowed_and_proved_it_may_call_abroad(self):
        self.assertIsInstance(decide("1001", "0049301234"), Verdict_Allow)

    def test_a_name_that_is_not_proved_counts_for_nothing(self):
        self.assertIsInstance(decide(None, "0049301234"), Verdict_Deny)
        self.assertIsInstance(decide("1002", "0049301234"), Verdict_Deny)

    def test_other_calls_are_left_to_other_plugins(self):
        self.assertIsInstance(decide(None, "1002"), Verdict_Pass)

    def test_every_mistake_in_the_configuration_is_told(self):
        self.assertEqual([problem.path for problem in International().check({})], ["/prefix", "/allowed"])
