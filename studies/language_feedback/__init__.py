"""Learning from language feedback: what does a word of criticism teach that a score does not?"""
