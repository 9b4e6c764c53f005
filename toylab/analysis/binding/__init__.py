"""Ways to write down who does what in one vector, with their exact inverses."""
