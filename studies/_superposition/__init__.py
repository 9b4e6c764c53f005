"""Parts of the superposition studies, one idea per module."""
