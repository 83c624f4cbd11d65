"""Who may go ahead of a tenant that fills the relay."""

from libs.common.messaging.overtaking import Overtaking, crowding


def test_a_tenant_crowds_when_more_than_half_of_a_window_is_its_own() -> None:
    assert crowding(["a", "a", "b"]) == "a"
    assert crowding(["a", "b"]) is None
    assert crowding([]) is None


def test_what_went_ahead_is_known_by_tenant() -> None:
    gone = Overtaking(100, "flood")
    gone.lanes[0].position = 150
    gone.separate("much")
    gone.lanes[0].position = 200
    assert gone.apart == ["flood", "much"]
    sent = {(tenant, at) for tenant in ("flood", "much", "quiet") for at in (120, 150, 151, 200, 201) if gone.is_sent(tenant, at)}
    assert sent == {("much", 120), ("much", 150), *(("quiet", at) for at in (120, 150, 151, 200))}
    assert not gone.is_over(199)
    assert gone.is_over(200)


def test_there_are_few_lanes_whoever_crowds() -> None:
    gone = Overtaking(100, "flood")
    for number in range(50):
        gone.separate(f"tenant {number}")
    assert len(gone.lanes) == 5


def test_a_lane_that_fell_behind_the_relay_goes_on_from_where_the_relay_is() -> None:
    gone = Overtaking(100, "flood")
    gone.separate("much")
    others, much = gone.lanes
    others.position, much.position = 110, 300
    gone.keep_up(200)
    assert (others.position, much.position) == (200, 300)
    assert gone.is_sent("quiet", 200)
    assert not gone.is_sent("quiet", 201)
