"""A full disk: no file of this process may grow beyond a size, and the write beyond it fails."""

import contextlib
import resource


@contextlib.contextmanager
def file_size_limit(size):
    """Let a write beyond `size` bytes of a file fail with EFBIG, as one does with ENOSPC on a full disk."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
