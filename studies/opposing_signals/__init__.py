"""Opposing signals: pairs of outlier groups, sharpness and the edge of stability.

From Rosenfeld and Risteski.
"""
