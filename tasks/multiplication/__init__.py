"""Multiplication: digits that depend on digits far away.

From Bai, Pres, Deng, Tan, Shieber, Viegas, Wattenberg and Lee.
"""
