"""Rules about the graph of steps and the types of their texts."""
