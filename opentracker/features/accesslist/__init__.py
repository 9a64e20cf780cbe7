"""Lists of torrents that are served, or refused, and how they change while the tracker runs."""
