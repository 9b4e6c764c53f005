"""Compiled programs that the next start need not compile again."""
