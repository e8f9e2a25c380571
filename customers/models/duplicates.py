"""Pairs of customers that may be one and the same."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from billing.models import Organization
from billing.organizations.models import OrganizationPart
from customers.models.customer import of_customer


class DuplicatePair(OrganizationPart):
    """Two customers that had something in common when they were found, the older one first.

    Counts only while they still have it; `customers.pairs` looks for them and judges them.
    """

    first = of_customer("+")
    second = of_customer("+")
    found_at = models.DateTimeField(db_default=Now(), editable=False)
    dismissed_at = models.DateTimeField(null=True)
    dismissed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="duplicate_pair_once")
        ]
        indexes = [
            models.Index(fields=["second"], name="duplicate_pair_by_second"),
            models.Index(
                fields=["organization", "-id"],
                condition=models.Q(dismissed_at=None),
                name="duplicate_pair_newest",
            ),
        ]


class DuplicateSearch(models.Model):
    """When an organization's customers were last searched for pairs."""

    organization = models.OneToOneField(
        Organization, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    searched_at = models.DateTimeField()
