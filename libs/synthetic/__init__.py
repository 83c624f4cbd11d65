"""Plausible claims and the payers that adjudicate them: a pure library for the demo, the tests and the benchmarks.

A clinic bills claims (billing.py), some with one thing wrong (causes.py); payers with habits of their own (payers.py) adjudicate
them (adjudication.py) and pay (offices.py). `month` is a small clinic's month with everything that makes remittances hard,
`remittances` a stream without end.

`traffic` is a clearinghouse's: practices of many specialties (specialties.py, practices.py) send full claims (desk.py) for their
patients (members.py), some with a fault (faults.py), drawn from the payers' mixes or planted by configuration (plants.py). They
come back at the front door (front_door.py) or are judged (fate.py) by what payers ask for (habits.py; `rules` tells it to a check),
and lead to corrected, replacing, voiding and secondary claims: 837, 999, 277CA and 835 files, day by day.

`sandbox.answer` is a payer that answers one claim with what its account number asks for.

Everything is drawn from a seed: the same arguments give the same bytes. The truth stands beside each answer (`Truth`), and beside
each claim sent (`ClaimTruth`).
"""

from libs.synthetic.adjudication import standing
from libs.synthetic.habits import rules
from libs.synthetic.model import Answer, Interchange, Payout, Truth
from libs.synthetic.month import month
from libs.synthetic.plants import Plant
from libs.synthetic.stream import remittances
from libs.synthetic.traffic import traffic
from libs.synthetic.truth import ClaimTruth, Day, File

__all__ = [
    "Answer",
    "ClaimTruth",
    "Day",
    "File",
    "Interchange",
    "Payout",
    "Plant",
    "Truth",
    "month",
    "remittances",
    "rules",
    "standing",
    "traffic",
]
