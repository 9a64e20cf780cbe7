"""Full scrapes: the page, its encodings, and the limit on repeated requests of an address."""
