"""The events of Recours: one module a topic, and the envelope around them.

Within a version only optional fields are added and no field ever changes its meaning. Consumers ignore what they do not know.
"""
