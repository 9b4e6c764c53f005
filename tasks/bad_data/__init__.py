"""Bad data: rare features beside common ones, and a language with a rare register.

From Li, Chen, Viégas and Wattenberg.
"""
