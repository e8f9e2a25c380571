"""The form of a customer."""

from customers.admin.form.customer import CustomerForm, put_values, unit_of
from customers.admin.form.fields import example
from customers.admin.form.newcomer import NewCustomerForm

__all__ = ["CustomerForm", "NewCustomerForm", "example", "put_values", "unit_of"]
