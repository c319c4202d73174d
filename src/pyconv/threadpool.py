"""pyconv's threads for threadpoolctl, the package by which scikit-learn and others limit those of many libraries."""

from __future__ import annotations

from typing import Any

from pyconv import _core, config

__all__ = ["register"]

_registered: list[Any] = []


def register() -> None:
    """Lets `threadpoolctl` see and limit pyconv's threads, as those of user_api "pyconv".

    `import pyconv` does it where threadpoolctl was imported before; where it is imported later, this does.

    Raises:
        ImportError: if threadpoolctl isn't installed.

    Example:
    >>> import threadpoolctl
    >>> from pyconv import config, threadpool
    >>> threadpool.register()
    >>> with threadpoolctl.threadpool_limits(1, user_api="pyconv"):
    ...     config.get_num_threads()
    1
    """
    import threadpoolctl  # noqa: PLC0415 - not required

    if _registered:
        return

    class Controller(threadpoolctl.LibController):  # type: ignore[misc]
        """What threadpoolctl asks of a library that it finds among those loaded, by its file's name and a symbol."""

        user_api = internal_api = "pyconv"
        filename_prefixes = ("_core",)
        check_symbols = ("pyconv_track",)  # other packages have a _core as well

        def get_num_threads(self) -> int:
            return config.get_num_threads()

        def set_num_threads(self, num_threads: int) -> None:
            config.set_num_threads(num_threads)

        def get_version(self) -> str:
            return _core.__version__

    threadpoolctl.register(Controller)
    _registered.append(Controller)
