"""Replays: a version of the rules tried over a past period, side by side with what stands, and applied if somebody wants it."""
