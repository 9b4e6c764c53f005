"""Dual process: learning in weights and in context, and forgetting that keeps the second.

From Anand, Lepori, Merullo and Pavlick.
"""
