"""What is known of every value before there is one: its shape, and whose words may be in it."""
