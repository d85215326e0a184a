"""Commands that check, try, store and publish workflows."""
