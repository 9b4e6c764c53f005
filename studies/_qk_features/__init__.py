"""What the study of key-query features is made of, one idea per module."""
