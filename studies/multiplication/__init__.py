"""Multiplication: what standard training misses, and two ways to learn it.

From Bai, Pres, Deng, Tan, Shieber, Viegas, Wattenberg and Lee.
"""
