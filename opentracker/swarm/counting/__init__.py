"""Counters of events, counts by network, and rankings."""
