"""Planning ahead: what networks prepare for later positions.

From Wu, Morris and Levine, and from Walker.
"""
