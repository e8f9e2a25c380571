"""Files on their way in: what was read, how it is meant, what became of it."""

from django.db import models
from django.db.models.functions import Lower, Now

from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from billing.ids import newest_first_id
from billing.organizations.models import Organization
from billing.values import TEXT_LENGTH

MAPPING_NAME_LENGTH = 60


class Import(models.Model):
    """One file of customers, from the first look at it to the last row.

    Its id is the `batch_id` of the change records it writes, and the id of the `Batch` by which
    it can be taken back. `checkpoint` is the number of the last row that is behind it; it moves
    in the transaction that writes the rows before it, so that a killed import goes on exactly
    where it was.
    """

    class State(models.TextChoices):
        ARRIVED = "arrived"  # the file is here in pieces; its rows are still to be read
        UNREAD = "unread"  # it can't be read; the notes say why
        STAGED = "staged"  # its rows are in the database; nothing was judged
        MAPPED = "mapped"  # somebody said what fills what; the check is still to begin
        CHECKING = "checking"
        CHECKED = "checked"  # the preview is there
        RUNNING = "running"
        STOPPED = "stopped"  # can go on
        DONE = "done"

    class OnError(models.TextChoices):
        SKIP = "skip"
        STOP = "stop"

    id = models.UUIDField(primary_key=True, default=newest_first_id, editable=False)
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    state = models.CharField(max_length=16, choices=State, default=State.STAGED)
    file_name = models.CharField(max_length=TEXT_LENGTH)
    file_size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    format = models.CharField(max_length=8)
    # What was noticed while reading, as sentences: the encoding, the delimiter, the worksheet.
    notes = models.JSONField(default=list)
    header = models.JSONField(default=list)
    # A `customers.imports.mapping.ColumnMap`; empty while nobody has said what fills what.
    mapping = models.JSONField(default=dict)
    on_error = models.CharField(max_length=8, choices=OnError, default=OnError.SKIP)
    actor_id = models.CharField(max_length=64, null=True, blank=True)
    actor_name = models.CharField(max_length=TEXT_LENGTH)
    reason = models.TextField(null=True, blank=True)
    total = models.PositiveIntegerField(default=0)
    checkpoint = models.PositiveIntegerField(default=0)
    # What became of the rows; while it is being checked, and after that, what would.
    new = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    warnings = models.PositiveIntegerField(default=0)
    is_checked = models.BooleanField(default=False)
    wants_stop = models.BooleanField(default=False)
    # How often a worker took it on and came no row further.
    attempts = models.PositiveSmallIntegerField(default=0)
    # Somebody looked after the rows that were refused, or needs none of them.
    is_settled = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    # When its rows were deleted; the counts stay.
    emptied_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        indexes = [
            # Ids count down with time, so this lists the newest first.
            models.Index(fields=["organization", "id"], name="import_newest_first"),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def actor(self) -> Actor:
        """Return who brings the file in, at work on it."""
        door = ChangeRecord.Door.IMPORT
        return Actor(door, self.actor_name, self.actor_id, self.reason, self.id)

    @property
    def behind(self) -> int:
        """Return how many rows are behind it."""
        return self.new + self.changed + self.unchanged + self.refused


class ImportRow(models.Model):
    """One row of a file as it was read, and what the rules say to it.

    `flaws` were found by reading and stay; the rest is judged anew whenever the mapping changes.
    `changes` are the differences that the preview showed, by wire path, and `version` the
    customer's when it did: 0 where there was none. A row behind the checkpoint of an import that
    was never checked has a state only if it was refused.
    """

    class State(models.TextChoices):
        NEW = "new"
        CHANGED = "changed"
        UNCHANGED = "unchanged"
        REFUSED = "refused"

    pk = models.CompositePrimaryKey("intake_id", "number")
    intake = models.ForeignKey(
        Import,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="rows",
    )
    number = models.PositiveIntegerField()
    cells = models.JSONField()
    flaws = models.JSONField(null=True, blank=True)
    # SHA-256 of the cells as they were read; none where they are known to be wrong, or were mended.
    digest = models.BinaryField(null=True, blank=True)
    state = models.CharField(max_length=16, choices=State, null=True, blank=True)
    problems = models.JSONField(null=True, blank=True)
    warnings = models.JSONField(null=True, blank=True)
    changes = models.JSONField(null=True, blank=True)
    version = models.PositiveIntegerField(null=True, blank=True)
    # What stood in the cells that were mended here, by column.
    mended = models.JSONField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["intake", "state", "number"],
                condition=models.Q(state__isnull=False),
                name="import_row_by_state",
            ),
            models.Index(
                fields=["intake", "number"],
                condition=models.Q(warnings__isnull=False),
                name="import_row_with_warnings",
            ),
        ]


class Agreement(models.Model):
    """What a customer of this version agrees with: a row of a file, by terms (`imports.agreed`).

    No rule reads it, and it may be deleted at any time: the rows are decided anew then.
    """

    customer_id = models.UUIDField(primary_key=True)
    version = models.PositiveIntegerField()
    digest = models.BinaryField()


class ImportPiece(models.Model):
    """A part of a file that was sent in, until its rows are read."""

    pk = models.CompositePrimaryKey("intake_id", "number")
    intake = models.ForeignKey(
        Import,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="pieces",
    )
    number = models.PositiveIntegerField()
    data = models.BinaryField()


class SavedMapping(models.Model):
    """What the columns of a kind of file fill, kept under a name for the whole organization."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=MAPPING_NAME_LENGTH)
    # A `customers.imports.mapping.ColumnMap`.
    mapping = models.JSONField()
    saved_by = models.CharField(max_length=TEXT_LENGTH)
    saved_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint("organization", Lower("name"), name="saved_mapping_once")
        ]

    def __str__(self) -> str:
        return self.name
