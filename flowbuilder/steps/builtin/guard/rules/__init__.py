"""The rules: one module each, in folders by what they look at."""
