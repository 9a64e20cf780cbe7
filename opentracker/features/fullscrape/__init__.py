"""Full scrapes: the page, its encodings, and how often an address may ask."""
