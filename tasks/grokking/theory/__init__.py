"""Closed forms and measures of the grokking worlds; no worlds themselves."""
