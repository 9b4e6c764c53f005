"""Mode connectivity: a world that networks learn in different ways, and a ridge."""
