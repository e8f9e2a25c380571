"""The address of customers' own pages, under /customer-portal/."""

from django.urls import path

from customers.portal.page import PortalPage

urlpatterns = [path("<str:token>", PortalPage.as_view(), name="customer_portal")]
