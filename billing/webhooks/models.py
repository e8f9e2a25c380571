"""What others are told: events as they happened, and every attempt to deliver them."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from billing.events.models import WebhookEndpoint
from billing.organizations.models import Organization
from billing.values import URL_LENGTH

EVENT_TYPE_LENGTH = 64
ERROR_LENGTH = 300
ANSWER_KEPT = 1_024  # characters of an answer that are shown to staff


class Event(models.Model):
    """Something that happened, as it was at that moment; written in the transaction that did it.

    `snapshot` is the JSON form of the object, None once it is too old to keep. `endpoint_ids` are
    those that wanted to know when it happened. `record_id` is the change record, if one belongs
    to it.
    """

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    event_type = models.CharField(max_length=EVENT_TYPE_LENGTH)
    object_type = models.CharField(max_length=EVENT_TYPE_LENGTH)
    object_id = models.UUIDField()
    snapshot = models.TextField(null=True)
    record_id = models.BigIntegerField(null=True)
    endpoint_ids = ArrayField(models.UUIDField())
    spread_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="event_to_spread", condition=models.Q(spread_at=None)),
            models.Index(fields=["organization", "-id"], name="event_of_organization"),
            models.Index(fields=["created_at"], name="event_by_age"),
        ]

    def __str__(self) -> str:
        return self.event_type


class Delivery(models.Model):
    """One event on its way to one endpoint; the id is the receiver's idempotency key.

    `url` is there only for a replay to another address than the endpoint's.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        RETRYING = "retrying"
        SUCCEEDED = "succeeded"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    object_id = models.UUIDField()
    url = models.CharField(max_length=URL_LENGTH, null=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now(), null=True)
    claimed_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(
                fields=["endpoint", "due_at"],
                name="delivery_due",
                condition=models.Q(status__in=["pending", "retrying"]),
            ),
            models.Index(
                fields=["endpoint", "object_id"],
                name="delivery_in_flight",
                condition=models.Q(claimed_until__isnull=False),
            ),
            models.Index(fields=["organization", "-created_at"], name="delivery_of_organization"),
        ]

    def __str__(self) -> str:
        return f"{self.event} ({self.get_status_display()})"


class Attempt(models.Model):
    """One call of an endpoint: what came back, or why nothing did."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    milliseconds = models.PositiveIntegerField()
    status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=ERROR_LENGTH, null=True)
    answer = models.TextField(null=True)

    def __str__(self) -> str:
        return str(self.status or self.error)
