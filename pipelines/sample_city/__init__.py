"""The sample city: a made-up quarter, written in the real formats."""
