"""What a step run was given and gave, for people: read from the recorded history, without sensitive values."""
