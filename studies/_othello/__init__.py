"""Parts of the Othello studies, one idea per module; ``network`` is what they all share."""
