"""Models whose decision boundary is a quadric."""
