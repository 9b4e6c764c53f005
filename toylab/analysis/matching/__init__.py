"""Networks in each other's coordinates: which hidden unit of one is which of another."""
