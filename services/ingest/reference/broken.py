"""What a reference table's file may turn out to be."""


class BrokenTable(Exception):  # noqa: N818 - the fact is the name
    """A file that cannot be the whole of a release. `reason` is stable, `line` counts from 1 (0: the file as a whole)."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
