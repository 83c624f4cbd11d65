"""What is fuzzed holds for sound inputs, for all that fuzzing once found, and for some mutations of both on every run."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import seeds
from tests.fuzz.__main__ import SHARES
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).resolve().parents[2] / "fuzz" / "corpus"
KNOWN = {
    name: [*sound, *(path.read_bytes() for path in sorted((CORPUS / name).glob("*")))] for name, sound in seeds.seeds().items()
}
SIGNS = [b"~", b"*", b":", b"\n", b"[" * 3000, b'"', b"\\u0000", b"\x00", b"\xff\xfe", b"ISA*", b"..", b"9" * 5000, b"1e999"]
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.sampled_from(SIGNS) | st.binary(max_size=8)), max_size=4)


def test_every_target_has_seeds_and_a_share_of_the_inputs() -> None:
    assert set(SHARES) == set(TARGETS) == set(KNOWN)
    assert sum(SHARES.values()) == 100


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_known_is_taken_or_refused_in_its_own_words(name: str) -> None:
    assert KNOWN[name]
    for sent in KNOWN[name]:
        TARGETS[name](sent)


@pytest.mark.parametrize("name", TARGETS)
def test_a_mutation_is_taken_or_refused_in_its_own_words(name: str) -> None:
    @settings(max_examples=15 if name == "uploads" else 100, derandomize=True)
    @given(
        st.sampled_from(KNOWN[name]),
        st.lists(st.tuples(st.floats(0, 1), st.sampled_from(SIGNS) | st.binary(max_size=8)), max_size=4),
    )
    def mutated(sent: bytes, changes: list[tuple[float, bytes]]) -> None:
        for place, put in changes:
            at = int(place * len(sent))
            sent = sent[:at] + put + sent[at + len(put) // 2 :]
        TARGETS[name](sent)

    mutated()
