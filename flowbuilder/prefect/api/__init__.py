"""Access to Prefect's API: clients, availability, limits, names and wake-ups."""
