"""The pages on which a customer is edited or made."""

from customers.admin.edit.answers import AdvicePage, CountryPage
from customers.admin.edit.existing import EditPage
from customers.admin.edit.newcomer import AddPage

__all__ = ["AddPage", "AdvicePage", "CountryPage", "EditPage"]
