import unittest

from cordboard_plugin.routing import Decision_Pass, TargetAddress_Aor
from cordboard_plugin.testing import TestHost, call, question
from plugin import TeamNumber

CONFIG = {"number": "100", "team": ["1001", "1002"]}


def decide(dialled, host):
    return TeamNumber().route(CONFIG, question(call("1003", dialled)), host).decision


class TeamNumberTest(unittest.TestCase):
    def test_the_first_of_the_team_that_is_there_is_called(self):
        decision = decide("100", TestHost.with_registered("1002"))
        self.assertEqual(decision.value.targets[0].address, TargetAddress_Aor("1002"))

    def test_nobody_is_there(self):
        self.assertEqual(decide("100", TestHost()).value.status, 480)

    def test_other_numbers_are_left_to_other_plugins(self):
        self.assertIsInstance(decide("200", TestHost.with_registered("1001")), Decision_Pass)

    def test_every_mistake_in_the_configuration_is_told(self):
        self.assertEqual([problem.path for problem in TeamNumber().check({})], ["/number", "/team"])
