"""Facts in two languages: which of them does a network tell in the other one?

From Blum, Filippova, Yuan, Ghandeharioun, Wattenberg, Dixon, Geva and co-authors.
"""
