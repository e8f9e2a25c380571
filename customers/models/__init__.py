"""Customers and everything that hangs on one: tables and constraints, read by everyone.

Rows change through `customers.write` only. Every link carries its organization, and composite
foreign keys (migration `tenant_links`) make a link across organizations impossible.
"""

from customers.batches import Batch, BatchItem
from customers.intakes import Agreement, Import, ImportPiece, ImportRow, SavedMapping
from customers.mirrors import (
    Comparison,
    DriftRound,
    Mirror,
    MirrorChange,
    PaymentMethod,
    ProviderEvent,
)
from customers.models.address import Address
from customers.models.customer import Customer, CustomerCounter, CustomerQuerySet
from customers.models.duplicates import DuplicatePair, DuplicateSearch
from customers.models.exports import Export, ExportPiece
from customers.models.links import IntegrationLink, ProviderLink
from customers.models.parts import (
    METADATA_KEY_LENGTH,
    METADATA_MAX,
    METADATA_VALUE_LENGTH,
    AppliedTax,
    CustomerMetadata,
    SelectedSection,
    ShippingAddress,
)
from customers.models.proposals import PROPOSAL_NOTE_LENGTH, PortalVisits, Proposal
from customers.models.tax_numbers import TaxNumberProblem, TaxNumberProgress
from customers.models.views import VIEW_NAME_LENGTH, ListChoice, SavedView
from customers.submission import Submission

__all__ = [
    "METADATA_KEY_LENGTH",
    "METADATA_MAX",
    "METADATA_VALUE_LENGTH",
    "PROPOSAL_NOTE_LENGTH",
    "VIEW_NAME_LENGTH",
    "Address",
    "Agreement",
    "AppliedTax",
    "Batch",
    "BatchItem",
    "Comparison",
    "Customer",
    "CustomerCounter",
    "CustomerMetadata",
    "CustomerQuerySet",
    "DriftRound",
    "DuplicatePair",
    "DuplicateSearch",
    "Export",
    "ExportPiece",
    "Import",
    "ImportPiece",
    "ImportRow",
    "IntegrationLink",
    "ListChoice",
    "Mirror",
    "MirrorChange",
    "PaymentMethod",
    "PortalVisits",
    "Proposal",
    "ProviderEvent",
    "ProviderLink",
    "SavedMapping",
    "SavedView",
    "SelectedSection",
    "ShippingAddress",
    "Submission",
    "TaxNumberProblem",
    "TaxNumberProgress",
]
