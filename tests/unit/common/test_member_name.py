"""A static member that reads other topics than before is another member: the broker would give it its old ones and no more."""

from libs.common.messaging.consumer import member_name


def test_the_same_topics_in_any_order_are_the_same_member_and_one_more_makes_another() -> None:
    before = member_name("classifier-1", ["remit.received", "claim.submitted"])
    assert before == member_name("classifier-1", ["claim.submitted", "remit.received"])
    assert before != member_name("classifier-1", ["claim.submitted", "remit.received", "appeal.filed"])
    assert before != member_name("classifier-2", ["remit.received", "claim.submitted"])
    assert member_name(None, ["remit.received"]) is None
