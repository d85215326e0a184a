"""Rules about what a text says: numbers, dates, names, quotations, negations."""
