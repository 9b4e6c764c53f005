"""In context: graphs, induction and attention.

From Park, Arditi, Olsson, Edelman, Singh, Reddy, Lee, Guo and co-authors.
"""
