"""Files that somebody asked for: of customers, or of changes."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from billing.models import Organization


class Export(models.Model):
    """A file that somebody asked for; a job writes it, a week later it is gone.

    `query` is what its kind is narrowed by, as text; `columns` are chosen of customers alone.
    """

    class Kind(models.TextChoices):
        CUSTOMERS = "customers"
        HISTORY = "history"

    class Format(models.TextChoices):
        CSV = "csv"
        XLSX = "xlsx"

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(
        max_length=16, choices=Kind, default=Kind.CUSTOMERS, db_default=Kind.CUSTOMERS
    )
    query = models.TextField(blank=True)
    columns = ArrayField(models.CharField(max_length=32))
    format = models.CharField(max_length=8, choices=Format)
    language = models.CharField(max_length=8, default="en")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    rows = models.PositiveBigIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    touched_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["organization", "person", "-created_at"], name="export_newest")
        ]

    def __str__(self) -> str:
        return f"{self.format} of {self.rows} rows of {self.kind}"


class ExportPiece(models.Model):
    """A part of an export's file, so that no process ever holds the whole."""

    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["export", "number"], name="export_piece_once")
        ]
