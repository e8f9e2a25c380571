"""The addresses that payment providers call, under /webhooks/."""

from django.urls import path, register_converter
from django.urls.converters import get_converters

from billing.api import routing
from billing.models import PaymentProvider
from customers.providers.api import ProviderWebhookView

__all__ = ["routing", "urlpatterns"]  # the first one brings the converter `id`


class ProviderConverter:
    """A type of payment provider."""

    regex = "|".join(PaymentProvider.Type.values)

    def to_python(self, value: str) -> str:
        """Return the type as it is."""
        return value

    to_url = to_python


if "provider" not in get_converters():
    register_converter(ProviderConverter, "provider")

urlpatterns = [path("<provider:kind>/<id:organization_id>", ProviderWebhookView.as_view())]
