"""Successors: one head that moves ordinal lists on.

From Gould, Ong, Ogden and Conmy.
"""
