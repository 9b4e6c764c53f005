"""What the study of self-verification is made of, one idea per module."""
