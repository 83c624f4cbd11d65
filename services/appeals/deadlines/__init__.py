"""Until when something can still be sent for a denied claim: levels of appeal as data, days counted, a case's clocks. Pure.

docs/deadlines.md says how days are counted, and holds the levels with their sources, written from the data in this room.
"""
