"""Has a network learned a world? Criteria for any task with a state."""
