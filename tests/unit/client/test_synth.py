"""`recours synth`: files by kind, the truth and the rules beside them, and never into a folder that holds something."""

from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from libs.client.cli import app
from libs.client.errors import ClientError
from libs.client.synth import write
from libs.synthetic import ClaimTruth, rules, traffic


def test_it_writes_what_the_library_yields(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "folder"
    assert write(120, 3, out) == 0
    days = list(traffic(3, 120))
    written = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.glob("*/*")}
    assert written == {f"{file.kind}/{file.name}": file.body for day in days for file in day.files}
    lines = (out / "truth.jsonl").read_bytes().splitlines()
    truths = [msgspec.json.decode(line, type=ClaimTruth) for line in lines]
    assert truths == [truth for day in days for truth in day.truths]
    assert msgspec.json.decode((out / "rules.json").read_bytes()) == rules()
    assert f"{len(truths)} claims in" in capsys.readouterr().out


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(ClientError, match="not empty"):
        write(1, 3, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_without_a_folder_it_writes_into_a_new_one_named_by_claims_and_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ["synth", "--claims", "30", "--seed", "3"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert [path.name for path in tmp_path.iterdir()] == ["synth-30-3"]
    truth = (tmp_path / "synth-30-3" / "truth.jsonl").read_bytes()
    again = CliRunner().invoke(app, asked)
    assert isinstance(again.exception, ClientError)
    assert (tmp_path / "synth-30-3" / "truth.jsonl").read_bytes() == truth
