"""Whether a database has the newest schema is told by the names of the files alone."""

import re

from deploy.local.layout import ROOT, SERVICES


def test_versions_are_named_by_the_numbers_that_their_files_begin_with() -> None:
    files = [path for service in SERVICES for path in (ROOT / "services" / service / "migrations" / "versions").glob("*.py")]
    assert files
    told = {path.name: re.search(r'^revision = "(.*)"$', path.read_text(), re.MULTILINE) for path in files}
    assert {name: found and found[1] for name, found in told.items()} == {name: name.partition("_")[0] for name in told}
