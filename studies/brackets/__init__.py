"""Brackets: two rules that agree on all that was seen in training.

From Li, Kaufmann, Wattenberg, Alvarez-Melis and Saphra.
"""
