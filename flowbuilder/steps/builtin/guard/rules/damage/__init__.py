"""Rules about what is bad by itself: they look at what the proposal adds."""
