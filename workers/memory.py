"""How a process stays small: one heap for all threads, and nothing held that is not used."""

import ctypes
import gc
import sys

_M_ARENA_MAX = -8  # of glibc's malloc.h


def use_one_heap() -> None:
    """Let all threads share one heap: glibc would give each its own, and none of them gives anything back."""
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, 1)


def keep_what_is_loaded() -> None:
    """Leave what was loaded out of the collector's rounds, off since the start: it stays, and forks go on sharing it."""
    gc.freeze()
    gc.enable()


def give_back() -> None:
    """Give what long prompts left free back to the system."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
