"""Which codes cost most: counted once for a denial, in the order of what was refused by them, with their shares."""

from services.analytics.codes.pareto import pareto
from services.analytics.facts import Fact, Refused
from services.analytics.facts.points import points, read
from services.analytics.kpis import Groups
from tests.unit.analytics.facts import claim, denial, remit


def by_code(measure: str, *facts: Fact) -> dict[str, list[int]]:
    return {cell[7]: sums for (name, _, cell), sums in points(read(facts)).items() if name == measure}


def test_a_denial_counts_once_for_each_of_its_codes_with_what_was_refused_by_it() -> None:
    reasons = (
        Refused(1, "authorization", "197", 6_000, "CO", ("N54", "M127")),
        Refused(2, "authorization", "197", 1_000, "CO", ("M127", "N54")),
        Refused(3, "authorization", "197", 2_000, "CO"),
        Refused(3, "duplicate", "18", 1_000),  # of an older fact, which says no group
    )
    refused = (claim(), remit(), denial(reasons=reasons))
    assert by_code("coded", *refused) == {"CO 197": [1, 9_000], "- 18": [1, 1_000]}
    assert by_code("remarked", *refused) == {"CO 197 M127 N54": [1, 7_000], "CO 197": [1, 2_000], "- 18": [1, 1_000]}
    again = denial(version=2, reasons=reasons[:1])
    assert by_code("coded", *refused, again) == {"CO 197": [1, 6_000]}
    assert by_code("coded", claim(), remit(), denial(reasons=reasons, denied_cents=0)) == {}
    assert by_code("coded", claim(), remit(), denial()) == {}


def test_codes_are_in_the_order_of_what_they_cost_with_their_shares_together() -> None:
    groups: Groups = {("PR 204",): (5, 2_000), ("CO 197 N54",): (3, 7_000), ("- 18",): (9, 1_000)}
    found = pareto(groups, 2)
    assert [(each.group_code, each.carc, each.rarcs, each.denials) for each in found.codes] == [
        ("CO", "197", ("N54",), 3),
        ("PR", "204", (), 5),
    ]
    assert [(each.share, each.cumulative_share) for each in found.codes] == [(0.7, 0.7), (0.2, 0.9)]
    assert (found.denied_cents, found.others, found.others_cents) == (10_000, 1, 1_000)
    (last,) = (each for each in pareto(groups, 3).codes if each.carc == "18")
    assert (last.group_code, last.cumulative_share) == ("", 1.0)
    assert pareto({}, 5).codes == []
