"""What backends share in writing a `Program` as Python text."""
