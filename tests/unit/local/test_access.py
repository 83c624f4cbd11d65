"""The token by which a stack's owner is let in."""

import pytest

from deploy.local.access import token_file, write_token


def test_a_token_stays_until_it_is_for_another_tenant(tmp_path) -> None:
    write_token(tmp_path, "local")
    first = token_file(tmp_path).read_text()
    write_token(tmp_path, "local")
    assert token_file(tmp_path).read_text() == first
    assert (tmp_path / "authorization").read_text() == f"Authorization: Bearer {first}\n"
    write_token(tmp_path, "another")
    assert token_file(tmp_path).read_text() != first


@pytest.mark.parametrize("lost", ["token", "token.id"])
def test_a_start_that_was_killed_between_its_files_leaves_the_next_one_able_to_start(tmp_path, lost) -> None:
    write_token(tmp_path, "local")
    (tmp_path / lost).unlink()
    write_token(tmp_path, "local")
    token = token_file(tmp_path).read_text()
    assert (tmp_path / "authorization").read_text() == f"Authorization: Bearer {token}\n"
    assert (tmp_path / "token.id").read_text().startswith("local ")
