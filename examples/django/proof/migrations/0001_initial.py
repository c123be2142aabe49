"""The tables of the first release."""

# ruff: noqa: RUF012 (a migration is a declaration)

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="Job",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("queued_at", models.DateTimeField()),
                ("done_at", models.DateTimeField(db_index=True)),
                ("host", models.CharField(max_length=255)),
                ("pid", models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Visit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("host", models.CharField(max_length=255)),
                ("port", models.CharField(max_length=5)),
                ("pid", models.IntegerField()),
            ],
        ),
    ]
