"""How alike two sets of activations are, and how many dimensions one fills."""
