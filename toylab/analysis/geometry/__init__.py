"""The geometry of representations on a graph or a list: measures, null models, class means."""
