"""Othello: does a predictor of moves know the board?

From Li, Nanda, Lee, Karvonen, Vafa and co-authors.
"""
