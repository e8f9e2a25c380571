"""What customers propose on their own page, and how often they come there."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from billing.organizations.models import OrganizationPart
from billing.values import TEXT_LENGTH
from customers.models.customer import of_customer, one_of_customer

PROPOSAL_NOTE_LENGTH = 1_000


class Proposal(OrganizationPart):
    """Corrections that a customer proposes, until staff have judged them and for good afterwards.

    `changes` maps wire paths to `[what the customer saw, what it proposes]`; `accepted` are the
    paths that staff took over, `answer` is what they told the customer. Change records that come
    of it have its id as their `batch_id`. `token` is that of the form it was sent with.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        ACCEPTED = "accepted"
        PARTLY = "partly"
        REFUSED = "refused"
        # By the customer's next one, or by the customer.
        REPLACED = "replaced"
        WITHDRAWN = "withdrawn"

    JUDGED = (State.ACCEPTED, State.PARTLY, State.REFUSED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = of_customer("proposals")
    token = models.UUIDField()
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    changes = models.JSONField()
    note = models.CharField(max_length=PROPOSAL_NOTE_LENGTH, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    accepted = ArrayField(models.CharField(max_length=64), default=list)
    answer = models.CharField(max_length=PROPOSAL_NOTE_LENGTH, blank=True, default="")
    judged_at = models.DateTimeField(null=True)
    judged_by = models.CharField(max_length=TEXT_LENGTH, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "token"], name="proposal_token_once"),
            models.UniqueConstraint(
                fields=["customer"], condition=Q(state="waiting"), name="proposal_waiting_once"
            ),
            models.CheckConstraint(condition=~Q(changes={}), name="proposal_changes_something"),
            models.CheckConstraint(
                condition=Q(state__in=["accepted", "partly", "refused"])
                & Q(judged_at__isnull=False, judged_by__isnull=False)
                | Q(state__in=["waiting", "replaced", "withdrawn"])
                & Q(judged_at__isnull=True, judged_by__isnull=True),
                name="proposal_judged_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "-created_at"], name="proposal_of_customer"),
            models.Index(
                fields=["organization", "created_at"],
                condition=Q(state="waiting"),
                name="proposal_waiting",
            ),
            models.Index(
                fields=["organization", "-judged_at"],
                condition=Q(judged_at__isnull=False),
                name="proposal_judged",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """What people call it by."""
        return f"P-{self.id.hex[:8].upper()}"

    @property
    def is_waiting(self) -> bool:
        return self.state == self.State.WAITING


class PortalVisits(OrganizationPart):
    """How often a customer's page was asked for in its present window. The table is not logged,
    like that of the requests of API keys.
    """

    customer = one_of_customer("+")
    window_started_at = models.DateTimeField()
    requests = models.PositiveIntegerField()
