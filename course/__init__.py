"""The course: one folder per lesson, with its notebook and its checks."""
