import unittest

from cordboard_plugin.escalation import Outcome, give_up, page, wait
from cordboard_plugin.testing import TestHost, incident, paged
from plugin import InTurn


def decide(*history):
    question = incident("ada", "ben", history=list(history))
    return InTurn().escalate({"rounds": 1}, question, TestHost()).decision.value


class InTurnTest(unittest.TestCase):
    def test_one_contact_after_the_other_is_called(self):
        self.assertEqual(decide(), [page("ada")])
        self.assertEqual(decide(paged(1, "ada", Outcome.NO_ANSWER)), [page("ben")])

    def test_nobody_is_called_while_a_phone_rings(self):
        self.assertEqual(decide(paged(1, "ada", Outcome.RINGING, ended=False)), [wait("next", 30_000)])

    def test_after_the_last_round_the_operators_are_told(self):
        history = [paged(1, "ada", Outcome.NO_ANSWER), paged(2, "ben", Outcome.BUSY)]
        self.assertEqual(decide(*history), [give_up("nobody acknowledged")])

    def test_no_rounds_are_a_mistake(self):
        self.assertEqual(len(InTurn().check({"rounds": 0})), 1)
