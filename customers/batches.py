"""Bulk work over customers: what was asked for, by whom, how far it is, and what was left out."""

from collections.abc import Iterable
from uuid import UUID

from django.db import models
from django.db.models.functions import Now

from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from billing.ids import newest_first_id
from billing.organizations.models import Organization
from billing.values import TEXT_LENGTH


class Batch(models.Model):
    """One piece of bulk work over a frozen set of customers.

    Its id is the `batch_id` of the change records it writes. `position` counts the items that are
    behind it, and moves in the transaction that writes them: a batch goes on where it was.
    """

    class Kind(models.TextChoices):
        EDIT = "edit"
        DELETE = "delete"
        RESTORE = "restore"
        UNDO = "undo"
        IMPORT = "import"

    class State(models.TextChoices):
        PREVIEWING = "previewing"
        PREVIEWED = "previewed"
        RUNNING = "running"
        DONE = "done"
        STOPPED = "stopped"

    id = models.UUIDField(primary_key=True, default=newest_first_id, editable=False)
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=16, choices=State, default=State.PREVIEWING)
    # What to change, as `customers.bulk.edit` reads it; empty for the other kinds.
    wish = models.JSONField(default=dict)
    undoes = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="undos"
    )
    door = models.CharField(max_length=16, choices=ChangeRecord.Door)
    actor_id = models.CharField(max_length=64, null=True, blank=True)
    actor_name = models.CharField(max_length=TEXT_LENGTH)
    reason = models.TextField(null=True, blank=True)
    total = models.PositiveIntegerField(default=0)
    position = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    # What the preview foresaw, under the names of these three; None while it still looks.
    forecast = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    # When it last came a step further: long ago means that its worker is gone.
    moved_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [
            # Ids count down with time, so this lists the newest first.
            models.Index(fields=["organization", "id"], name="batch_newest_first"),
            models.Index(
                fields=["moved_at"],
                condition=models.Q(state__in=["previewing", "previewed", "running"]),
                name="batch_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.total} customers"

    @property
    def actor(self) -> Actor:
        """Return who asked for it, at work on it."""
        door = ChangeRecord.Door(self.door)
        return Actor(door, self.actor_name, self.actor_id, self.reason, self.id)


def batches_among(organization_id: UUID, ids: Iterable[UUID | None]) -> set[UUID]:
    """Return which of these are batches that can still be looked at."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return set()
    found = Batch.objects.filter(organization_id=organization_id, pk__in=wanted)
    return set(found.values_list("pk", flat=True))


class BatchItem(models.Model):
    """One customer of a batch, with the version that the batch was made over.

    An item that is behind the batch's position and has no `result` was done as asked.
    """

    class Result(models.TextChoices):
        PARTLY = "partly"
        UNCHANGED = "unchanged"
        SKIPPED = "skipped"

    pk = models.CompositePrimaryKey("batch_id", "position")
    batch = models.ForeignKey(
        Batch,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="items",
    )
    position = models.PositiveIntegerField()
    customer_id = models.UUIDField()
    version = models.PositiveIntegerField()
    result = models.CharField(max_length=16, choices=Result, null=True, blank=True)
    # Why it was left out, or what of it was: see `customers.bulk.steps.Why`.
    why = models.JSONField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["batch", "position"],
                condition=models.Q(why__isnull=False),
                name="batch_item_left_out",
            )
        ]
