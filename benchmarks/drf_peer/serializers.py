"""Nested ModelSerializers whose create and update write the parts."""

import json
from typing import Any

from django.db import transaction
from django.db.models import F
from rest_framework import serializers
from rest_framework.utils.encoders import JSONEncoder

from drf_peer.models import (
    BillingEntity,
    ChangeRecord,
    Customer,
    CustomerMetadata,
    IntegrationLink,
    InvoiceCustomSection,
    Organization,
    PaymentProvider,
    ProviderLink,
    ShippingAddress,
    Tax,
)

SETTINGS = (
    "invoice_grace_period", "document_locale", "subscription_invoice_issuing_date_anchor",
    "subscription_invoice_issuing_date_adjustment",
)  # fmt: skip
LINK = ("provider_customer_id", "sync", "sync_with_provider", "provider_payment_methods")


class ShippingAddressSerializer(serializers.ModelSerializer):
    class Meta:
        model = ShippingAddress
        fields = ["address_line1", "address_line2", "city", "zipcode", "state", "country"]


class MetadataSerializer(serializers.ModelSerializer):
    lago_id = serializers.UUIDField(source="id", read_only=True)

    class Meta:
        model = CustomerMetadata
        fields = ["lago_id", "key", "value", "display_in_invoice", "created_at"]


class TaxSerializer(serializers.ModelSerializer):
    lago_id = serializers.UUIDField(source="id")
    rate = serializers.FloatField()
    add_ons_count = serializers.ReadOnlyField()
    customers_count = serializers.ReadOnlyField()
    plans_count = serializers.ReadOnlyField()
    charges_count = serializers.ReadOnlyField()
    commitments_count = serializers.ReadOnlyField()

    class Meta:
        model = Tax
        fields = [
            "lago_id", "name", "code", "description", "rate", "applied_to_organization",
            "created_at", "add_ons_count", "customers_count", "plans_count", "charges_count",
            "commitments_count",
        ]  # fmt: skip


class IntegrationSerializer(serializers.ModelSerializer):
    lago_id = serializers.UUIDField(source="id")

    class Meta:
        model = IntegrationLink
        fields = [
            "lago_id", "type", "integration_code", "external_customer_id", "sync_with_provider",
            "subsidiary_id",
        ]  # fmt: skip


class SectionSerializer(serializers.ModelSerializer):
    lago_id = serializers.UUIDField(source="id")
    applied_to_organization = serializers.ReadOnlyField()
    organization_id = serializers.UUIDField()

    class Meta:
        model = InvoiceCustomSection
        fields = [
            "lago_id", "name", "code", "description", "details", "display_name",
            "applied_to_organization", "organization_id", "created_at",
        ]  # fmt: skip


class BillingConfigurationSerializer(serializers.Serializer):
    invoice_grace_period = serializers.IntegerField(min_value=0, allow_null=True, required=False)
    payment_provider = serializers.ChoiceField(
        ["stripe", "gocardless", "adyen", "cashfree", "flutterwave", "moneyhash"],
        allow_null=True, required=False,
    )  # fmt: skip
    payment_provider_code = serializers.CharField(allow_null=True, required=False)
    document_locale = serializers.ChoiceField(
        ["en", "fr", "nb", "de", "it", "es", "sv", "pt-BR", "zh-TW"],
        allow_null=True, required=False,
    )  # fmt: skip
    subscription_invoice_issuing_date_anchor = serializers.CharField(
        allow_null=True, required=False
    )
    subscription_invoice_issuing_date_adjustment = serializers.CharField(
        allow_null=True, required=False
    )
    provider_customer_id = serializers.CharField(max_length=255, allow_null=True, required=False)
    sync = serializers.BooleanField(required=False)
    sync_with_provider = serializers.BooleanField(required=False)
    provider_payment_methods = serializers.ListField(
        child=serializers.ChoiceField(
            ["card", "sepa_debit", "us_bank_account", "bacs_debit", "link", "boleto", "crypto",
             "customer_balance"]
        ),
        required=False,
    )  # fmt: skip

    def to_representation(self, instance: Customer) -> dict[str, Any]:
        shown = {name: getattr(instance, name) for name in SETTINGS}
        link = getattr(instance, "provider_link", None)
        shown["payment_provider"] = link and link.connection.type
        shown["payment_provider_code"] = link and link.connection.code
        return shown | {name: link and getattr(link, name) for name in LINK}


class CustomerInListSerializer(serializers.ModelSerializer):
    lago_id = serializers.UUIDField(source="id", read_only=True)
    billing_entity_code = serializers.CharField(source="billing_entity.code", read_only=True)
    applicable_timezone = serializers.SerializerMethodField()
    billing_configuration = BillingConfigurationSerializer(source="*", required=False)
    shipping_address = ShippingAddressSerializer(required=False)
    metadata = MetadataSerializer(many=True, required=False, max_length=5)
    taxes = TaxSerializer(many=True, read_only=True)
    integration_customers = IntegrationSerializer(many=True, read_only=True)

    class Meta:
        model = Customer
        fields = [
            "lago_id", "billing_entity_code", "external_id", "account_type", "name", "firstname",
            "lastname", "customer_type", "sequential_id", "slug", "created_at", "updated_at",
            "country", "address_line1", "address_line2", "state", "zipcode", "email", "city",
            "url", "phone", "logo_url", "legal_name", "legal_number", "currency",
            "tax_identification_number", "timezone", "applicable_timezone", "net_payment_term",
            "external_salesforce_id", "finalize_zero_amount_invoice", "billing_configuration",
            "shipping_address", "skip_invoice_custom_sections", "metadata", "taxes",
            "integration_customers",
        ]  # fmt: skip
        read_only_fields = ["sequential_id", "slug", "created_at", "updated_at"]

    def get_applicable_timezone(self, customer: Customer) -> str:
        return customer.timezone or customer.billing_entity.timezone


class CustomerSerializer(CustomerInListSerializer):
    tax_codes = serializers.ListField(
        child=serializers.CharField(), write_only=True, required=False
    )
    applicable_invoice_custom_sections = SectionSerializer(
        source="billing_entity.sections", many=True, read_only=True
    )
    error_details = serializers.ReadOnlyField()

    class Meta(CustomerInListSerializer.Meta):
        fields = [
            *CustomerInListSerializer.Meta.fields, "tax_codes",
            "applicable_invoice_custom_sections", "error_details",
        ]  # fmt: skip

    def validate_tax_codes(self, codes: list[str]) -> list[Tax]:
        organization = self.context["request"].user.organization
        taxes = list(Tax.objects.filter(organization=organization, code__in=codes))
        if len(taxes) != len(set(codes)):
            raise serializers.ValidationError("tax_not_found")
        return taxes

    def validate_address_line2(self, line: str | None) -> str | None:
        return line or None

    @transaction.atomic
    def create(self, validated_data: dict[str, Any]) -> Customer:
        key = self.context["request"].user
        parts = self._pop_parts(validated_data)
        Organization.objects.filter(pk=key.organization_id).update(
            last_customer_number=F("last_customer_number") + 1
        )
        organization = Organization.objects.get(pk=key.organization_id)
        number = organization.last_customer_number
        customer = Customer.objects.create(
            organization=organization,
            billing_entity=BillingEntity.objects.get(organization=organization, is_default=True),
            sequential_id=number,
            slug=f"{organization.document_number_prefix}-{number:03}",
            **validated_data,
        )
        self._write_parts(customer, parts)
        return self._record(customer, "created", {})

    @transaction.atomic
    def update(self, instance: Customer, validated_data: dict[str, Any]) -> Customer:
        before = CustomerSerializer(instance, context=self.context).data
        parts = self._pop_parts(validated_data)
        for name, value in validated_data.items():
            setattr(instance, name, value)
        instance.save()
        self._write_parts(instance, parts)
        return self._record(instance, "updated", before)

    def _pop_parts(self, data: dict[str, Any]) -> dict[str, Any]:
        names = (
            "shipping_address", "metadata", "tax_codes", "payment_provider",
            "payment_provider_code", *LINK,
        )  # fmt: skip
        return {name: data.pop(name) for name in names if name in data}

    def _write_parts(self, customer: Customer, parts: dict[str, Any]) -> None:
        if "shipping_address" in parts:
            ShippingAddress.objects.update_or_create(
                customer=customer, defaults=parts["shipping_address"]
            )
        if parts.get("payment_provider"):
            connection = PaymentProvider.objects.get(
                organization=customer.organization, type=parts["payment_provider"]
            )
            link = {name: parts[name] for name in LINK if name in parts}
            ProviderLink.objects.update_or_create(
                customer=customer, defaults={"connection": connection, **link}
            )
        if "metadata" in parts:
            keys = [item["key"] for item in parts["metadata"]]
            customer.metadata.exclude(key__in=keys).delete()
            for item in parts["metadata"]:
                CustomerMetadata.objects.update_or_create(
                    customer=customer, key=item["key"], defaults=item
                )
        if "tax_codes" in parts:
            customer.taxes.set(parts["tax_codes"])

    def _record(self, customer: Customer, action: str, before: dict[str, Any]) -> Customer:
        customer = Customer.objects.get(pk=customer.pk)
        after = CustomerSerializer(customer, context=self.context).data
        changes = {
            name: [before.get(name), value]
            for name, value in after.items()
            if name != "updated_at" and before.get(name) != value
        }
        ChangeRecord.objects.create(
            organization_id=customer.organization_id,
            customer=customer,
            action=action,
            actor=self.context["request"].user.name,
            changes=_plain(changes),
        )
        return customer


def _plain(changes: dict[str, Any]) -> Any:
    """Return the changes as plain JSON values; a serializer leaves UUIDs and wrappers in them."""
    return json.loads(json.dumps(changes, cls=JSONEncoder))
