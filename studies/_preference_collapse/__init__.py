"""What the study of preference collapse is made of, one idea per module."""
