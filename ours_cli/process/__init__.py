"""This process: its signals, its standard streams, its memory."""
