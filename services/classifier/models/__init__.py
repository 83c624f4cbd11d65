"""Learned models and their life, the same for everything that is learned (`risk` before a claim is sent, `overturn` of a denial).

What is learned is a subject. A subject brings a `Learner` (learner.py, told.py): what it reads, how it fits, how it holds models
against each other. All else is here and knows no subject:

- life.py: the states of a model and the one table of moves; when a candidate is better than what is live. Pure.
- store.py: the SQL. A model is its file (bytes, text inside, never a pickle), its SHA-256, what it learned from, its card.
- registry.py: `Registry(subject, read)` gives the live model, or the one in the shadow, to whoever scores. A file is read only when
  its bytes have the SHA-256 that was registered with it: `Altered` otherwise.
- jobs.py, running.py, work.py: training and evaluation are rows of `model_jobs`, done by the worker in a process of their own, and
  registered in one transaction when that process has ended well. `POST /v1/models/train` makes one.
- measures.py: the figures, for whoever gives chances. watching.py: drift by week, and the shadow beside the live model.

To add a subject: write its Learner, name it in `services/classifier/learners.py`, score with a Registry.
"""
