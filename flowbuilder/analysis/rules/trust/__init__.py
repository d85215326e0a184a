"""Rules about untrusted text, approvals and secrets."""
