"""A form that is sent off twice does one thing: the second time shows what became of the first."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import models, transaction
from django.db.models.functions import Now

from billing.models import Organization


class Submission(models.Model):
    """A form that was sent off, by the token it was shown with; sent again, it does nothing."""

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    token = models.UUIDField()
    # No key into the customers: read for an address alone, and gone within days.
    customer_id = models.UUIDField(null=True)
    submitted_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "token"], name="submission_once")
        ]


def forget_submissions(before: datetime) -> None:
    """Delete what was sent off before a moment: nobody has that page open any more."""
    Submission.objects.filter(submitted_at__lt=before).delete()


def submitted(organization_id: UUID, token: UUID) -> UUID | None:
    """Return the id of the customer that was written with the token, None if it was not used."""
    used = Submission.objects.filter(organization_id=organization_id, token=token)
    return used.values_list("customer_id", flat=True).first()


def submit_once(organization_id: UUID, token: UUID, write: Callable[[], UUID]) -> tuple[UUID, bool]:
    """Write unless the token was used; return the customer's id, and whether it was written now.

    Whoever comes second with a token waits for the first one. A refused write uses up no token.
    """
    with transaction.atomic():
        mine, _is_first = Submission.objects.get_or_create(
            organization_id=organization_id, token=token
        )
        if mine.customer_id is not None:
            return mine.customer_id, False
        mine.customer_id = write()
        mine.save(update_fields=["customer_id"])
        return mine.customer_id, True
