"""The tables of a customer's mirrors outside: how far each is, and what providers told us.

A mirror belongs to a customer and a connection rather than to the link between the two, so that
what was begun is not forgotten when a link goes and comes back.
"""

import uuid
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from billing.ids import newest_first_id
from billing.models import Integration, PaymentProvider
from billing.organizations.models import OrganizationPart
from billing.values import TEXT_LENGTH

CODE_LENGTH = 255
WORDS_LENGTH = 1_000


class Mirror(OrganizationPart):
    """How far a customer is mirrored at one connection, and what is still to be done there.

    `todo` are the steps that are left, in order; `attempts` counts those of the first one, and
    `throttled` those of them that met a limit of calls.

    `creation_key` is the provider's idempotency key of a creation that is not settled: it stays
    the same, and so does `creation`, what is sent, until we know what became of it. `uncertain`
    says that an attempt may have had an effect that we never heard of. `remote_id` is what was
    made while nobody wanted it any more; it is taken up when the customer is linked again.

    `pushed` maps each field that the other side has from us to a digest of its value.
    `claimed_until` keeps a second process away while one is talking to the provider.
    """

    class State(models.TextChoices):
        IDLE = "idle", _("Nothing to do")
        QUEUED = "queued", _("Waiting")
        CREATING = "creating", _("In progress")
        UNKNOWN = "unknown", _("Checking what happened")
        AWAITING = "awaiting", _("Waiting for the customer")
        FAILED = "failed", _("Failed")
        OK = "ok", _("Up to date")

    class Step(models.TextChoices):
        CREATE = "create"
        UPDATE = "update"
        CHECKOUT = "checkout"
        FUNDING = "funding"
        METHOD = "method"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="mirrors",
    )
    payment_provider = models.ForeignKey(
        PaymentProvider,
        on_delete=models.CASCADE,
        db_constraint=False,
        null=True,
        related_name="mirrors",
    )
    integration = models.ForeignKey(
        Integration,
        on_delete=models.CASCADE,
        db_constraint=False,
        null=True,
        related_name="mirrors",
    )
    state = models.CharField(max_length=16, choices=State, default=State.IDLE)
    todo = ArrayField(models.CharField(max_length=16, choices=Step), default=list)
    attempts = models.PositiveSmallIntegerField(default=0)
    throttled = models.PositiveSmallIntegerField(default=0, db_default=0)
    next_try_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)

    creation_key = models.UUIDField(null=True)
    creation = models.JSONField(null=True)
    creation_started_at = models.DateTimeField(null=True)
    uncertain = models.BooleanField(default=False)
    remote_id = models.CharField(max_length=TEXT_LENGTH, null=True)
    awaiting_until = models.DateTimeField(null=True)

    pushed = models.JSONField(default=dict)
    last_success_at = models.DateTimeField(null=True)
    failed_step = models.CharField(max_length=16, choices=Step, null=True)
    error_message = models.CharField(max_length=WORDS_LENGTH, null=True)
    error_code = models.CharField(max_length=CODE_LENGTH, null=True)
    error_request_id = models.CharField(max_length=CODE_LENGTH, null=True)
    error_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "id"], name="mirror_tenant"),
            models.CheckConstraint(
                condition=Q(payment_provider__isnull=True) ^ Q(integration__isnull=True),
                name="mirror_of_one_connection",
            ),
            # One index for both kinds: it finds the mirrors of a customer, whatever they are of.
            models.UniqueConstraint(
                fields=["customer", "payment_provider", "integration"],
                nulls_distinct=False,
                name="mirror_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=~Q(todo=[]),
                name="mirror_unfinished",
            ),
            models.Index(
                fields=["organization", "error_at"],
                condition=Q(state="failed"),
                name="mirror_failed",
            ),
        ]

    def __str__(self) -> str:
        return str(self.get_state_display())

    @property
    def connection(self) -> PaymentProvider | Integration:
        """Return the connection, of whichever kind."""
        found: Any = self.payment_provider or self.integration
        return found


class MirrorChange(OrganizationPart):
    """A change of a customer whose meaning for a connection is still to be seen.

    A trigger on the change records (migration `keep_mirror_changes`) writes it in the transaction
    of the change; `customers.providers.changes` takes it, in the order of the ids. `remote_id` is
    the link's after the change, `put_off_until` keeps one aside that could not be dealt with.
    """

    # No keys: rows are written with every change of a linked customer, and live for a moment.
    customer_id = models.UUIDField()
    payment_provider_id = models.UUIDField(null=True)
    integration_id = models.UUIDField(null=True)
    paths = ArrayField(models.TextField())
    remote_id = models.CharField(max_length=TEXT_LENGTH, null=True)
    at = models.DateTimeField(db_default=Now())
    put_off_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return ", ".join(self.paths)


class Comparison(OrganizationPart):
    """What the other side had of a customer when it was asked last, to be shown beside ours.

    `theirs` is None where it could not be asked; then the error says why. `differing` are the
    names of the fields that were not the same then.
    """

    mirror = models.OneToOneField(
        Mirror,
        on_delete=models.CASCADE,
        db_constraint=False,
        primary_key=True,
        related_name="comparison",
    )
    remote_id = models.CharField(max_length=TEXT_LENGTH)
    asked_at = models.DateTimeField()
    theirs = models.JSONField(null=True)
    differing = ArrayField(models.CharField(max_length=CODE_LENGTH), default=list)
    error_message = models.CharField(max_length=WORDS_LENGTH, null=True)
    error_code = models.CharField(max_length=CODE_LENGTH, null=True)
    error_request_id = models.CharField(max_length=CODE_LENGTH, null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["organization"], condition=~Q(differing=[]), name="comparison_differing"
            )
        ]

    def __str__(self) -> str:
        return ", ".join(self.differing)


class DriftRound(OrganizationPart):
    """How far all customers at one connection have been compared.

    `cursor` is the customer compared last; `started_at` and `finished_at` are those of the round
    that is under way, or of the last one. `problem` is why the round could not go on.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    payment_provider = models.OneToOneField(
        PaymentProvider,
        on_delete=models.CASCADE,
        db_constraint=False,
        null=True,
        related_name="drift_round",
    )
    integration = models.OneToOneField(
        Integration,
        on_delete=models.CASCADE,
        db_constraint=False,
        null=True,
        related_name="drift_round",
    )
    cursor = models.UUIDField(null=True)
    compared = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=WORDS_LENGTH, null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(payment_provider__isnull=True) ^ Q(integration__isnull=True),
                name="drift_round_of_one_connection",
            )
        ]

    def __str__(self) -> str:
        return str(self.started_at)

    @property
    def connection(self) -> PaymentProvider | Integration:
        """Return the connection, of whichever kind."""
        found: Any = self.payment_provider or self.integration
        return found


class PaymentMethod(OrganizationPart):
    """How a customer can pay at a provider, as the provider told us; seen by staff only.

    It goes when the link it belongs to goes or changes its id (by a trigger). `told_at` is the
    provider's time, so that what comes late overwrites nothing newer.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="payment_methods",
    )
    connection = models.ForeignKey(
        PaymentProvider, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    remote_id = models.CharField(max_length=TEXT_LENGTH)
    kind = models.CharField(max_length=32)
    brand = models.CharField(max_length=TEXT_LENGTH, null=True)
    last_four = models.CharField(max_length=4, null=True)
    expires_year = models.PositiveSmallIntegerField(null=True)
    expires_month = models.PositiveSmallIntegerField(null=True)
    is_default = models.BooleanField(default=False)
    told_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "connection", "remote_id"], name="payment_method_once"
            ),
            models.UniqueConstraint(
                fields=["customer"],
                condition=Q(is_default=True),
                name="payment_method_one_default",
            ),
        ]

    def __str__(self) -> str:
        words = [self.brand or self.kind, f"•••• {self.last_four}" if self.last_four else ""]
        return " ".join(word for word in words if word)


class ProviderEvent(OrganizationPart):
    """Something a provider told us, once; `facts` are the few of its words that we act on."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Done")
        IGNORED = "ignored", _("Of no interest")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=newest_first_id, editable=False)
    connection = models.ForeignKey(
        PaymentProvider,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="events",
    )
    remote_id = models.CharField(max_length=TEXT_LENGTH)
    type = models.CharField(max_length=TEXT_LENGTH)
    happened_at = models.DateTimeField()
    facts = models.JSONField(default=dict)
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(db_default=Now(), null=True)
    error = models.CharField(max_length=WORDS_LENGTH, null=True)
    received_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "remote_id"], name="provider_event_once")
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(state="waiting"),
                name="provider_event_waiting",
            ),
            models.Index(fields=["received_at"], name="provider_event_by_age"),
            models.Index(
                fields=["organization", "received_at"],
                condition=Q(state="failed"),
                name="provider_event_failed",
            ),
        ]

    def __str__(self) -> str:
        return self.type
