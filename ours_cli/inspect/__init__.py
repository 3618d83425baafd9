"""`ours inspect`: a sample of a file's rows → what each column holds → a mapping to start from.

sampling → profile (of columns and their times) → roles and sensitive columns → proposal → words for people.
Only `sampling` reads; all else is pure.
"""
