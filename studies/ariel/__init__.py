"""Sentences as volumes: boxes of a language model beside the codes of autoencoders.

From Celotti, Brodeur and Rouat.
"""
