"""Why a call did not do what was asked, and what a mirror keeps of it."""

from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from customers.mirrors import CODE_LENGTH, WORDS_LENGTH, Mirror

# What stands in place of a secret; one of fewer characters would be found in any words.
HIDDEN, SHORTEST = "***", 6
_WORDS = 500  # characters


class Failure(Exception):
    """A call that did not do what was asked.

    :param message: the provider's reason, or what kept us from asking, in words for people.
    :param code: the provider's own code, or a word of ours.
    :param request_id: by what the provider's support finds the call.
    """

    def __init__(
        self, message: str, code: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.request_id = request_id

    def leave_out(self, secrets: Iterable[str]) -> None:
        """Take these out of what is told."""
        for secret in secrets:
            if len(secret) < SHORTEST:
                continue
            self.message = self.message.replace(secret, HIDDEN)
            self.code = self.code and self.code.replace(secret, HIDDEN)
            self.request_id = self.request_id and self.request_id.replace(secret, HIDDEN)

    def shorten(self) -> None:
        """Keep what fits a page: once secrets are out, lest a part of one be left at the end."""
        self.message = self.message[:_WORDS]


class Refused(Failure):
    """The data or the credentials were turned down, nothing was done: asking again won't help."""


class Unauthorized(Refused):
    """The credentials of the connection were turned down: nobody gets through meanwhile."""


class Unavailable(Failure):
    """Nothing was done, and the same call may succeed later: the connection was never made."""


class Throttled(Unavailable):
    """Too many calls; nothing was done.

    :param retry_after: seconds to wait, if the provider said so.
    """

    def __init__(self, message: str, retry_after: float | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after


class OutcomeUnknown(Failure):
    """Nobody can say whether it was done: time-outs, resets, server errors, answers of no sense."""


def note(mirror: Mirror, failure: Failure) -> None:
    """Keep what was told of a failure."""
    mirror.error_message = failure.message[:WORDS_LENGTH]
    mirror.error_code = failure.code and failure.code[:CODE_LENGTH]
    mirror.error_request_id = failure.request_id and failure.request_id[:CODE_LENGTH]
    mirror.error_at = timezone.now()


def give_up(mirror: Mirror, step: Mirror.Step) -> None:
    """Leave a step as one that failed for good."""
    mirror.attempts = mirror.throttled = 0
    mirror.state, mirror.failed_step = Mirror.State.FAILED, step
