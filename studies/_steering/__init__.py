"""Parts of the study of steering methods."""
