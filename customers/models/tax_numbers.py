"""What looks wrong about tax numbers, and how far they were checked."""

from django.db import models
from django.db.models.functions import Now

from billing.organizations.models import OrganizationPart
from billing.values import TEXT_LENGTH
from customers.models.customer import one_of_customer


class TaxNumberProblem(OrganizationPart):
    """What looks wrong about a customer's tax number, as `number` and `country` were when checked.

    Counts only while the customer still has both; `customers.tax_numbers` keeps it up to date.
    """

    customer = one_of_customer("tax_number_problem")
    number = models.CharField(max_length=TEXT_LENGTH)
    country = models.CharField(max_length=2, blank=True)
    found_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["organization", "found_at"], name="tax_number_problem_oldest")
        ]


class TaxNumberProgress(models.Model):
    """How far the check of tax numbers has read the change records; there is one row.

    :param settled: every record up to here was read.
    :param mark: so are those up to here, once `transaction` and all before it have ended.
    """

    settled = models.BigIntegerField(default=0)
    mark = models.BigIntegerField(default=0)
    transaction = models.BigIntegerField(null=True)
