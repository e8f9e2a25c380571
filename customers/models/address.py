"""An address, as customers and their shipping addresses have one."""

from django.db import models

from billing.values import ADDRESS_LINE_LENGTH, TEXT_LENGTH


class Address(models.Model):
    """The six parts of an address."""

    address_line1 = models.CharField(max_length=ADDRESS_LINE_LENGTH, null=True, blank=True)
    address_line2 = models.CharField(max_length=ADDRESS_LINE_LENGTH, null=True, blank=True)
    city = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    zipcode = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    state = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    country = models.CharField(max_length=2, null=True, blank=True)

    class Meta:
        abstract = True
