"""The complaint that ends a build of packages."""


class PackagingError(Exception):
    """A step failed; the message is for the person who runs packaging/build."""
