"""A circuit breaker: what fails again and again is left alone for a while, then tried by one at a time.

Pure: who uses it says what time it is (seconds, of any clock that does not go back).
"""


class Breaker:
    """Open after so many failures in a row; half-open after a rest, when one probe may try and the others are still refused."""

    def __init__(self, failures_max: int, rest_seconds: float) -> None:
        self._failures_max = failures_max
        self._rest_seconds = rest_seconds
        self._failures = 0
        self._rests_until = 0.0

    def admits(self, now: float) -> bool:
        """Say whether to try. A probe whose end is never told keeps others out for one rest, no longer."""
        if self._failures < self._failures_max:
            return True
        if now < self._rests_until:
            return False
        self._rests_until = now + self._rest_seconds
        return True

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self, now: float) -> None:
        self._failures += 1
        self._rests_until = now + self._rest_seconds
