"""Synthetic worlds with known ground truth, and the closed forms that judge their learners."""
