"""Addresses of the app."""

from django.urls import path

from proof import views

urlpatterns = [
    path("", views.page),
    path("proof.json", views.proof),
    path("health", views.health),
    path("jobs", views.jobs),
    path("jobs/<uuid:job>", views.job),
    path("ledger", views.ledger),
]
