"""Concept space: what a network can show of concepts, and what it shows when it is asked.

From Park, Okawa, Lee, Lubana and Tanaka, and from Yang, Park, Lubana, Okawa, Hu and Tanaka.
"""
