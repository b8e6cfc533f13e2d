import unittest

from cordboard_plugin.authorization import Subject_Call, Verdict_Allow, Verdict_Deny, Verdict_Pass
from cordboard_plugin.testing import TestHost, call
from plugin import VipList

CONFIG = {"numbers": ["1002"], "vips": ["1001"]}


def decide(caller, dialled, proved=None, **more):
    subject = Subject_Call(call(caller, dialled, authenticated_as=proved))
    return VipList().authorize({**CONFIG, **more}, subject, TestHost()).verdict


class VipListTest(unittest.TestCase):
    def test_who_proved_to_be_on_the_list_gets_through(self):
        self.assertEqual(decide("1001", "1002", proved="1001"), Verdict_Allow([("vip-list:vip", "yes")]))

    def test_a_name_that_is_not_proved_counts_only_where_it_is_trusted(self):
        self.assertIsInstance(decide("1001", "1002"), Verdict_Deny)
        self.assertIsInstance(decide("1001", "1002", **{"trust-from": True}), Verdict_Allow)

    def test_others_are_refused_and_counted(self):
        host = TestHost()
        answer = VipList().authorize(CONFIG, Subject_Call(call("1003", "1002")), host)
        self.assertEqual(answer.verdict.value.status, 403)
        self.assertEqual(host.counted, {"refused": 1.0})

    def test_other_numbers_are_left_to_other_plugins(self):
        self.assertIsInstance(decide("1003", "1004"), Verdict_Pass)

    def test_every_mistake_in_the_configuration_is_told(self):
        found = VipList().check({"numbers": "1002", "trust-from": 1})
        self.assertEqual([problem.path for problem in found], ["/numbers", "/vips", "/trust-from"])
