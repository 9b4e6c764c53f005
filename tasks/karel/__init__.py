"""Karel: a robot on a pocket grid, and all short programs that move it.

From Jin and Rinard.
"""
