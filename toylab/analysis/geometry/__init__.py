"""The geometry of representations on a graph: measures, null models and class means."""
