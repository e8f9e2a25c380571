"""What became of a customer: its timeline, how it was at any moment, and the way back.

All of it is read from the change records; a change is taken back through the writer, as a change
of its own.
"""

from customers.history.past import CustomerThen, customer_as_of, customer_now
from customers.history.paths import PATHS, in_order, paths_of
from customers.history.reverting import (
    ChangedSince,
    PutBack,
    body_of,
    is_same,
    preview_revert,
    revert_change,
    together,
)
from customers.history.timeline import Change, Entry, actors_of, entry_of, timeline

__all__ = [
    "PATHS",
    "Change",
    "ChangedSince",
    "CustomerThen",
    "Entry",
    "PutBack",
    "actors_of",
    "body_of",
    "customer_as_of",
    "customer_now",
    "entry_of",
    "in_order",
    "is_same",
    "paths_of",
    "preview_revert",
    "revert_change",
    "timeline",
    "together",
]
