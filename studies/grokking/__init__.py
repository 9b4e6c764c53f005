"""Grokking: generalising long after memorising.

Modular arithmetic and groups, from Power, Nanda, Varma, Liu, Gromov, Zhong, Chughtai and
co-authors.
"""
