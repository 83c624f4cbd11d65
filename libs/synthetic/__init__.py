"""Plausible claims and the payers that adjudicate them: a pure library for the demo, the tests and the benchmarks.

A clinic bills claims (billing.py), some with one thing wrong (causes.py); payers with habits of their own (payers.py) adjudicate
them (adjudication.py) and pay (offices.py). `month` is a small clinic's month with everything that makes remittances hard,
`remittances` a stream without end. Everything is drawn from a seed: the same arguments give the same bytes. The truth stands beside
each answer.
"""

from libs.synthetic.adjudication import standing
from libs.synthetic.model import Answer, Interchange, Payout, Truth
from libs.synthetic.month import month
from libs.synthetic.stream import remittances

__all__ = ["Answer", "Interchange", "Payout", "Truth", "month", "remittances", "standing"]
