"""The two kinds of failure that the code knows; a bug is whatever nobody catches."""


class Permanent(Exception):  # noqa: N818 - the spine's word for it, as in docs/architecture.md
    """This message can never succeed: dead letter it and go on.

    `reason` is a stable snake_case word, never patient data.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Transient(Exception):  # noqa: N818 - the spine's word for it, as in docs/architecture.md
    """The world is unwell: pause the partitions, say so in /readyz, back off (capped), same batch again."""
