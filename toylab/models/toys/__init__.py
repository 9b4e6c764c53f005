"""Small models that one study each is about."""
