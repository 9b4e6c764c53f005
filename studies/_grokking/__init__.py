"""Parts of the grokking studies, one idea per module."""
