"""Sealed cells and objects open where they were put, whole and unchanged, for whose they are; nowhere else."""

import asyncio
import io
import os
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import Transient
from libs.common.sealing.cipher import MARK, OVERHEAD_BYTES, Cipher, Place, Unreadable, key_of
from libs.common.sealing.master import KeyFile, new_line
from services.appeals.documents import frames
from services.ingest.packing import pack, pack_quickly

HERE = Place("claims", "content", (("claim_id", "uuid"),))
ROW = (UUID(int=7),)
FIRST, SECOND = os.urandom(32), os.urandom(32)
CIPHER = Cipher("mine", {1: FIRST})


@given(st.binary(max_size=300))
def test_what_is_sealed_opens_again_and_shows_nothing(plain: bytes) -> None:
    sealed = CIPHER.seal(HERE, ROW, plain)
    assert CIPHER.open(HERE, ROW, sealed) == plain
    assert len(sealed) == len(plain) + OVERHEAD_BYTES
    assert len(plain) < 12 or plain not in sealed
    assert sealed != CIPHER.seal(HERE, ROW, plain), "equal texts do not look alike"


@pytest.mark.parametrize(
    ("cipher", "place", "row"),
    [
        (Cipher("theirs", {1: FIRST}), HERE, ROW),
        (CIPHER, Place("claims", "other", HERE.key), ROW),
        (CIPHER, Place("other", "content", HERE.key), ROW),
        (CIPHER, HERE, (UUID(int=8),)),
        (Cipher("mine", {1: SECOND}), HERE, ROW),
    ],
    ids=["tenant", "column", "table", "row", "key"],
)
def test_a_cell_opens_at_its_own_place_alone(cipher: Cipher, place: Place, row: tuple[UUID]) -> None:
    with pytest.raises(Unreadable, match="changed_or_moved"):
        cipher.open(place, row, CIPHER.seal(HERE, ROW, b"Whitcombe"))


@given(st.integers(min_value=len(MARK) + 4, max_value=OVERHEAD_BYTES + 8), st.integers(min_value=0, max_value=7))
def test_a_cell_with_a_bit_that_was_changed_or_cut_off_does_not_open(at: int, bit: int) -> None:
    sealed = bytearray(CIPHER.seal(HERE, ROW, b"Whitcombe"))
    sealed[at] ^= 1 << bit
    for broken in (bytes(sealed), CIPHER.seal(HERE, ROW, b"Whitcombe")[:at]):
        with pytest.raises(Unreadable, match="changed_or_moved"):
            CIPHER.open(HERE, ROW, broken)


def test_the_newest_key_seals_and_earlier_ones_open_until_they_are_destroyed() -> None:
    earlier = CIPHER.seal(HERE, ROW, b"Whitcombe")
    both = Cipher("mine", {1: FIRST, 2: SECOND})
    assert both.open(HERE, ROW, earlier) == b"Whitcombe"
    assert (key_of(earlier), key_of(both.seal(HERE, ROW, b""))) == (1, 2)
    with pytest.raises(Unreadable, match="key_destroyed"):
        Cipher("mine", {2: SECOND}).open(HERE, ROW, earlier)


@pytest.mark.parametrize("kept", [b"NM1*QC*1*WHITCOMBE", pack(b"packed"), pack_quickly(b"packed" * 100), b"", b"{}"])
def test_what_was_never_sealed_is_read_while_it_is_being_sealed_and_refused_afterwards(kept: bytes) -> None:
    assert key_of(kept) is None
    assert Cipher("mine", {1: FIRST}, lenient=True).open(HERE, ROW, kept) == kept
    with pytest.raises(Unreadable, match="not_sealed"):
        CIPHER.open(HERE, ROW, kept)


def test_the_first_master_key_of_a_file_wraps_and_the_others_still_open() -> None:
    old = new_line("2026")
    wrapped = asyncio.run(KeyFile(old).wrap(FIRST, b"mine"))
    both = KeyFile(new_line("2027") + "\n" + old)
    assert both.current == "2027"
    assert asyncio.run(both.unwrap("2026", wrapped, b"mine")) == FIRST
    for name, bound, why in (("2026", b"theirs", "master_key_wrong"), ("2025", b"mine", "master_key_missing")):
        with pytest.raises(Transient, match=why):
            asyncio.run(both.unwrap(name, wrapped, bound))


@pytest.mark.parametrize("text", ["", "\n", "name", "name !!!", "name c2hvcnQ=", new_line("twice") + new_line("twice")])
def test_a_file_that_holds_no_keys_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"no key|line \d") as refused:
        KeyFile(text)
    assert "c2hvcnQ" not in str(refused.value)


FRAME = frames.FRAME_BYTES


@pytest.mark.parametrize("size", [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME])
def test_any_range_of_an_object_is_read_from_its_frames_alone(size: int) -> None:
    plain = os.urandom(size)
    kept = b"".join(frames.sealed_pieces(CIPHER, "documents/6d/1", io.BytesIO(plain)))
    opened = frames.Frames(CIPHER, "documents/6d/1", kept[: frames.HEAD_BYTES], len(kept))
    for first, end in ((0, max(size, 1)), (size // 2, size), (size - 1, size)):
        if first < end and first >= 0:
            begin, until = opened.span(first, end)
            held, number = kept[begin:until], first // FRAME
            pieces = [held[at : at + frames.SEALED_FRAME_BYTES] for at in range(0, len(held), frames.SEALED_FRAME_BYTES)]
            read = b"".join(opened.open(number + at, piece) for at, piece in enumerate(pieces))
            assert read[first - number * FRAME : end - number * FRAME] == plain[first:end]


def test_frames_that_change_places_and_objects_that_are_cut_off_are_not_read() -> None:
    key = "documents/6d/1"
    kept = b"".join(frames.sealed_pieces(CIPHER, key, io.BytesIO(os.urandom(2 * FRAME))))
    head, first = kept[: frames.HEAD_BYTES], kept[frames.HEAD_BYTES :][: frames.SEALED_FRAME_BYTES]
    with pytest.raises(Unreadable):
        frames.Frames(CIPHER, key, head, len(kept)).open(1, first)
    with pytest.raises(Unreadable):
        frames.Frames(CIPHER, key, head, len(head) + len(first)).open(0, first)
    with pytest.raises(Unreadable):
        frames.Frames(CIPHER, "documents/6d/2", head, len(kept))
