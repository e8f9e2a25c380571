"""What kept a call from its answer, and for how long."""

import requests
from urllib3.exceptions import NewConnectionError

from customers.providers.adapter import Failure, OutcomeUnknown, Unavailable


def unreached(name: str, error: BaseException) -> Failure:
    """Tell a connection that was never made from one that broke while we waited.

    :param name: the provider, as people write it.
    """
    reason = getattr(next(iter(error.args), None), "reason", None)
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.SSLError) or (
        isinstance(reason, NewConnectionError)
    ):
        return Unavailable(f"{name} could not be reached.", "unreachable")
    return OutcomeUnknown(f"{name} did not answer in time.", "no_answer")


def seconds(text: object) -> float | None:
    """Return what a `Retry-After` says, None if it gives no number of seconds."""
    found = str(text)
    return float(found) if found.isascii() and found.isdigit() and len(found) < 10 else None
