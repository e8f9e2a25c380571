"""Sparing the garbage collector while many rows pass through."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# A batch makes thousands of objects and no cycle worth a look at everything else in the process:
# with Python's own numbers that takes a third of the time.
_SELDOM = (50_000, 20, 50)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Have garbage collected seldom."""
    usual = gc.get_threshold()
    gc.set_threshold(*_SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
