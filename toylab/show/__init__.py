"""Pictures to look at: in a notebook, or as one HTML file that needs no network.

Figures for paper are matplotlib's (:mod:`toylab.report`); these answer to the pointer. Every
function returns a :class:`Picture`: a notebook shows it, ``picture.save("heads.html")`` writes it.

    attention     attention patterns of all heads over a text
    heat          matrices of numbers side by side: patch grids, head maps, composition scores
    lens          what each layer would answer, as words in a table
    circuit       edges between parts as a graph
    movie         a matrix through training, with the step as a slider
"""

from toylab.show.graph import circuit
from toylab.show.heat import attention, heat, lens, movie
from toylab.show.picture import Picture

__all__ = ["Picture", "attention", "circuit", "heat", "lens", "movie"]
