"""Karel: does a network that writes programs follow what they do?

From Jin and Rinard.
"""
