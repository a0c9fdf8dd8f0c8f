"""What is made once and shared: by those who ask for it while it is being made, and by those who ask later."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Once(Generic[P, T]):
    """A function that remembers its last `most` answers. It runs once for all threads that ask for the same at once;
    what it raises reaches all of them, and is not remembered."""

    def __init__(self, make: Callable[P, T], most: int) -> None:
        self.make, self.most = make, most
        self._lock = threading.Lock()
        self._kept: OrderedDict[object, Future[T]] = OrderedDict()

    def __call__(self, *given: P.args, **named: P.kwargs) -> T:
        key = (given, tuple(sorted(named.items())))
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            else:
                self._kept[key] = mine = Future[T]()
                while len(self._kept) > self.most:
                    self._kept.popitem(last=False)
        if found is not None:
            return found.result()
        try:
            mine.set_result(self.make(*given, **named))
        except BaseException as error:
            with self._lock:
                if self._kept.get(key) is mine:
                    del self._kept[key]
            mine.set_exception(error)
            raise
        return mine.result()
