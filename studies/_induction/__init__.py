"""What the study of induction is made of, one part per module."""
