"""What every part of the library uses and none of it is science: checks, progress bars, files,
statuses.
"""
