"""What happened, who wants to be told, and the key it is signed with."""

import uuid
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from billing.events.names import NAMED_ONLY
from billing.ids import newest_first_id
from billing.organizations.models import Organization
from billing.values import TEXT_LENGTH, URL_LENGTH

MAX_WEBHOOK_ENDPOINTS = 10


class ChangeRecord(models.Model):
    """One change of one object: who, through which door, when, old and new.

    Written in the transaction of the change; a trigger keeps it append-only.
    `changes` maps a wire path to `[old, new]`; `batch_id` names the bulk work it was part of.
    """

    class Action(models.TextChoices):
        CREATED = "created"
        UPDATED = "updated"
        DELETED = "deleted"
        RESTORED = "restored"

    class Door(models.TextChoices):
        API = "api"
        STAFF = "staff"
        IMPORT = "import"
        SETUP = "setup"
        PROVIDER = "provider"
        SYSTEM = "system"

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    resource = models.CharField(max_length=32)
    object_id = models.UUIDField()
    action = models.CharField(max_length=16, choices=Action)
    door = models.CharField(max_length=16, choices=Door)
    actor_id = models.CharField(max_length=64, null=True, blank=True)
    actor_name = models.CharField(max_length=TEXT_LENGTH)
    reason = models.TextField(null=True, blank=True)
    batch_id = models.UUIDField(null=True, blank=True, editable=False)
    changes = models.JSONField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(
                fields=["organization", "object_id", "-id"],
                name="change_record_of_object",
            ),
            # Finds the records of a day; a few bytes for each megabyte of the table.
            BrinIndex(fields=["at"], name="change_record_at", autosummarize=True),
            models.Index(
                fields=["organization", "batch_id", "id"],
                condition=models.Q(batch_id__isnull=False),
                name="change_record_of_batch",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource} {self.action}"


class WebhookEndpoints(models.QuerySet["WebhookEndpoint"]):
    """Webhook endpoints, narrowed."""

    def wanting(self, event_type: str) -> Self:
        """Return those that want to know of this kind of event."""
        named = models.Q(event_types__contains=[event_type])
        # Too much for those that never asked for it (contract: webhooks-and-providers.md 1.5).
        return self.filter(
            named if event_type in NAMED_ONLY else named | models.Q(event_types=None)
        )


class WebhookEndpoint(models.Model):
    """An address that is told of events; `event_types` None means all.

    `with_changes` puts what changed into the body. A paused endpoint is told later.
    """

    class SignatureAlgo(models.TextChoices):
        JWT = "jwt"
        HMAC = "hmac"

    class PauseReason(models.TextChoices):
        STAFF = "staff"
        GONE = "gone"
        FAILING = "failing"

    id = models.UUIDField(primary_key=True, default=newest_first_id, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="webhook_endpoints"
    )
    webhook_url = models.CharField(max_length=URL_LENGTH)
    signature_algo = models.CharField(
        max_length=8, choices=SignatureAlgo, default=SignatureAlgo.JWT
    )
    name = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    event_types = ArrayField(models.CharField(max_length=64), null=True, blank=True)
    with_changes = models.BooleanField(default=False, db_default=False)
    paused_at = models.DateTimeField(null=True, editable=False)
    pause_reason = models.CharField(max_length=8, choices=PauseReason, null=True, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = WebhookEndpoints.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "webhook_url"], name="webhook_url_once")
        ]

    def __str__(self) -> str:
        return self.name or self.webhook_url


class SigningKey(models.Model):
    """The server's RSA key for signed webhooks; the private half is encrypted at rest."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    private_key = models.BinaryField()
    public_key = models.TextField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)
