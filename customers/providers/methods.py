"""Stored ways to pay: what a provider told us of them, whatever the order it told it in."""

from datetime import datetime

from django.db import transaction

from customers.mirrors import PaymentMethod
from customers.models import ProviderLink
from customers.providers.adapter import Method


@transaction.atomic
def store_default(link: ProviderLink, method: Method, told_at: datetime) -> bool:
    """Keep a way to pay as the default, unless something newer is known; say whether it was.

    It is not kept if the link has gone to another customer there meanwhile.

    :param told_at: the provider's time.
    """
    same = ProviderLink.objects.select_for_update().filter(
        pk=link.pk,
        connection_id=link.connection_id,
        provider_customer_id=link.provider_customer_id,
    )
    if same.first() is None or knows_newer(link, told_at):
        return False
    of_link = PaymentMethod.objects.filter(customer_id=link.customer_id)
    of_link.filter(is_default=True).update(is_default=False)
    values = {key: value for key, value in method._asdict().items() if key != "remote_id"}
    PaymentMethod.objects.update_or_create(
        organization_id=link.organization_id,
        customer_id=link.customer_id,
        connection_id=link.connection_id,
        remote_id=method.remote_id,
        defaults={**values, "is_default": True, "told_at": told_at},
    )
    return True


def knows_newer(link: ProviderLink, told_at: datetime) -> bool:
    """Return whether the default we have was told of later than this."""
    return PaymentMethod.objects.filter(
        customer_id=link.customer_id, is_default=True, told_at__gt=told_at
    ).exists()


def forget_methods(link: ProviderLink, told_at: datetime) -> bool:
    """Forget all ways to pay that were known by then; say whether there were any."""
    found = PaymentMethod.objects.filter(customer_id=link.customer_id, told_at__lte=told_at)
    return found.delete()[0] > 0


def forget_method(link: ProviderLink, remote_id: str) -> bool:
    """Forget a way to pay; say whether it was known. None is the default if it was."""
    found = PaymentMethod.objects.filter(
        customer_id=link.customer_id, connection_id=link.connection_id, remote_id=remote_id
    )
    return found.delete()[0] > 0
