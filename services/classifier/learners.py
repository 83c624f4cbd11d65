"""What is learned here: the subjects, each with what it brings (services/classifier/models)."""

from collections.abc import Mapping
from typing import Final

from services.classifier.models.learner import Learner
from services.classifier.models.life import Subject
from services.classifier.odds.learner import OverturnLearner
from services.classifier.risk.learner import RiskLearner

LEARNERS: Final[Mapping[Subject, Learner]] = {"risk": RiskLearner(), "overturn": OverturnLearner()}
