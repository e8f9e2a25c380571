"""The screens of finance staff: customers, written by the writer that the API uses."""

from django.contrib import admin

from customers.admin.screen import CustomerScreen
from customers.models import Customer

admin.site.register(Customer, CustomerScreen)
