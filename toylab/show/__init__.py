"""Pictures to look at, in a notebook or as one HTML file that needs no network, and for paper.

Every function returns a :class:`Picture`. A notebook shows it, answering to the pointer, and
``picture.save("heads.html")`` writes that; ``picture.figure()`` is the same in matplotlib, which
``picture.save("heads.pdf")`` writes.

    attention     attention patterns of all heads over a text
    heat          matrices of numbers side by side: patch grids, head maps, composition scores
    lens          what each layer would answer, as words in a table
    circuit       edges between parts as a graph
    movie         a matrix through training, with the step as a slider; on paper a few steps of it
"""

from toylab.show.graph import circuit
from toylab.show.heat import attention, heat, movie
from toylab.show.picture import Picture
from toylab.show.table import lens

__all__ = ["Picture", "attention", "circuit", "heat", "lens", "movie"]
