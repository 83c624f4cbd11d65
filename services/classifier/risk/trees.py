"""Boosted trees as they score: where each claim falls, what it is given there, and which features it owes that to. Pure.

A tree's answer is the sum of what each split on the way to the leaf changes; each change is put down to the meaning of the feature
that is split on. So the contributions of all meanings add up to the score, at the price of one look-up a tree.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import NDArray

from services.classifier.risk.features import MEANINGS, Meaning

Numbers = NDArray[Any]
_AT_ONCE: Final = 2_000  # claims; their look-ups fit into the cache


class Trees:
    """A fit booster. Errors: lightgbm.basic.LightGBMError when the text is none."""

    def __init__(self, text: str, meanings: Sequence[Meaning]) -> None:
        self.text = text
        self._booster = lightgbm.Booster(model_str=text)
        self._places = np.array([MEANINGS.index(each) for each in meanings])
        trees = [each["tree_structure"] for each in self._booster.dump_model()["tree_info"]]
        leaves = 1 + max((leaf for tree in trees for leaf, _ in self._leaves(tree)), default=0)
        self._given = np.zeros((len(trees), leaves, len(MEANINGS)), dtype=np.float32)
        self._constant = 0.0
        for place, tree in enumerate(trees):
            self._constant += float(tree.get("internal_value", tree.get("leaf_value", 0.0)))
            for leaf, given in self._leaves(tree):
                self._given[place, leaf] = given
        self._tree = np.arange(len(trees))

    def contributions(self, rows: Numbers) -> tuple[float, Numbers]:
        """Return what every claim gets, and what each claim gets beside it for each of MEANINGS, in log odds."""
        width = len(self._places)
        parts = [np.zeros((0, len(MEANINGS)))]
        for start in range(0, len(rows), _AT_ONCE):
            leaves = self._booster.predict(rows[start : start + _AT_ONCE, :width], pred_leaf=True, num_threads=1)
            found = np.asarray(leaves, dtype=np.int64).reshape(-1, len(self._tree))
            parts.append(self._given[self._tree, found].sum(axis=1, dtype=np.float64))
        return self._constant, np.concatenate(parts)

    def _leaves(self, tree: dict[str, Any]) -> Iterator[tuple[int, Numbers]]:
        """Yield each leaf's number and what the way to it gives."""
        waiting = [(tree, np.zeros(len(MEANINGS)))]
        while waiting:
            node, given = waiting.pop()
            if "split_feature" not in node:
                yield node.get("leaf_index", 0), given
                continue
            place = self._places[node["split_feature"]]
            for side in ("left_child", "right_child"):
                child = node[side]
                value = child.get("internal_value", child.get("leaf_value", 0.0))
                changed = given.copy()
                changed[place] += value - node["internal_value"]
                waiting.append((child, changed))
