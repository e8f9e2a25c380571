"""How people like to see the list of customers."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from billing.models import Organization

VIEW_NAME_LENGTH = 60


class SavedView(models.Model):
    """A list of customers somebody keeps: what it is narrowed by, its order and its columns."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=VIEW_NAME_LENGTH)
    query = models.TextField(blank=True)
    columns = ArrayField(models.CharField(max_length=32), default=list)
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "owner", "name"], name="saved_view_name_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class ListChoice(models.Model):
    """How a person likes to see the customers of an organization."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    columns = ArrayField(models.CharField(max_length=32), default=list)
    default_view = models.ForeignKey(
        SavedView, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "person"], name="list_choice_once")
        ]
