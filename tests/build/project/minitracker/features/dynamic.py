"""In builds with WANT_DYNAMIC alone."""

from minitracker.features import accesslist

REFUSED_FOR_NOW = accesslist.REFUSED + " for now"
