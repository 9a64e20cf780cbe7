"""What may be stored, and what may be shown to whom."""
