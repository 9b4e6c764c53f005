"""Tools: networks whose circuit is known, to judge what looks for circuits.

From Olsson, Syed, Hanna, Conmy, Elhage and co-authors.
"""
