"""CountDown: search, reward and preferences.

From Gandhi, Qin, Lee, Yan and co-authors.
"""
