"""When a cause began, and whether it ended: the stretch of days in which a group's rate is higher than outside of it.

A scan over all stretches of days, by likelihood ratio. A stretch that goes to the last day has not ended, one from the first day
was there before; one with two ends must be better by more than what the second end costs.
"""

from typing import Final

import numpy as np
from msgspec import Struct

from services.analytics.causes.statistics import Floats, fit
from services.analytics.causes.table import Ints

_LINES_MIN: Final = 5
_P_MAX: Final = 0.01
_DAYS_MAX: Final = 400  # finer than this only costs: longer periods are scanned by steps of several days


class Onset(Struct, frozen=True):
    """Days are numbers. None: it was so on the first day already, or still is on the last."""

    began: int | None
    ended: int | None


_ALWAYS: Final = Onset(None, None)


def onset(day: Ints, refused: Floats, first: int, last: int, claims_a_line: float = 1.0) -> Onset:
    """Return the stretch of days with the higher rate. `day` and `refused` are of each line; first and last of the whole period.

    A claim's lines fall together: where several of a claim are among them, they say as much as one.
    """
    days = last - first + 1
    step = -(-days // _DAYS_MAX)
    place = (day - first) // step
    count = -(-days // step)
    k = np.concatenate(([0.0], np.cumsum(np.bincount(place, refused, count))))
    n = np.concatenate(([0.0], np.cumsum(np.bincount(place, minlength=count))))
    told = _ratios(k, n) * claims_a_line
    best: tuple[float, int, int] = (0.0, 0, count)
    one_end = [(told[begin, count], begin, count) for begin in range(1, count)] + [
        (told[0, end], 0, end) for end in range(1, count)
    ]
    for each in one_end:
        best = max(best, (float(each[0]), each[1], each[2]))
    two_ends = int(np.argmax(told))
    begin, end = divmod(two_ends, count + 1)
    if told[begin, end] > best[0] + np.log(max(count, 2)):
        best = (float(told[begin, end]), begin, end)
    tries = count if 0 in best[1:] or count in best[1:] else count * count / 2
    if best[0] < -np.log(_P_MAX / (2 * max(tries, 1))):
        return _ALWAYS
    _, begin, end = best
    return Onset(first + begin * step if begin else None, first + end * step if end < count else None)


def _ratios(k: Floats, n: Floats) -> Floats:
    """Return the log likelihood ratio of every stretch [begin, end); 0 where it is not higher inside, or holds too little."""
    k_in, n_in = k[None, :] - k[:, None], n[None, :] - n[:, None]
    k_out, n_out = k[-1] - k_in, n[-1] - n_in
    with np.errstate(divide="ignore", invalid="ignore"):
        higher = k_in / n_in > k_out / n_out
    told = fit(k_in, n_in) + fit(k_out, n_out) - fit(k[-1:], n[-1:])
    valid = (np.tri(len(k), k=-1).T > 0) & (n_in >= _LINES_MIN) & (n_out >= _LINES_MIN) & higher
    return np.where(valid, told, 0.0)
