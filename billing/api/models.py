"""What the API's edge stores: keys, and answers kept for repeated requests."""

import uuid

from django.db import models
from django.db.models.functions import Now

from billing.organizations.models import Organization
from billing.values import TEXT_LENGTH


class ApiKey(models.Model):
    """A caller's key: only its hash and last four characters are kept.

    `permissions` None allows everything; otherwise `{resource: ["read", "write"]}`.
    A key ends at `expires_at`; revoking one sets that to now.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="api_keys"
    )
    name = models.CharField(max_length=TEXT_LENGTH, blank=True)
    key_hash = models.BinaryField(max_length=32, unique=True)
    last_four = models.CharField(max_length=4)
    permissions = models.JSONField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name or 'API key'} (...{self.last_four})"


class IdempotentAnswer(models.Model):
    """A successful answer, kept for 24 hours under the key its request carried."""

    organization = models.ForeignKey(
        Organization,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    key = models.CharField(max_length=TEXT_LENGTH)
    fingerprint = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())
    # Until then the request may still be at what comes after its commit; null: it is answered.
    open_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "key"], name="idempotency_key_once")
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotent_answer_age")]


class RequestCount(models.Model):
    """How many requests a key made in its present window. The table is not logged: a crash
    empties it, which costs nobody anything, and counting costs no write to the disk.
    """

    api_key = models.OneToOneField(
        ApiKey, on_delete=models.CASCADE, primary_key=True, db_constraint=False, related_name="+"
    )
    window_started_at = models.DateTimeField()
    requests = models.PositiveIntegerField()
