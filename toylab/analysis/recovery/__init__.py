"""Whether dictionaries recover features that are known, and each other."""
