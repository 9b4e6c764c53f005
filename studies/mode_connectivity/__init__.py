"""Mode connectivity: what lies on the straight line between two networks."""
