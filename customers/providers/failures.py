"""What a mirror keeps of a step that failed."""

from django.utils import timezone

from customers.mirrors import CODE_LENGTH, WORDS_LENGTH, Mirror
from customers.providers.adapter import Failure


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
