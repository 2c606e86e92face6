"""Methods of others, replaced for a while."""

from collections.abc import Callable
from typing import Any


class Wrap:
    """Puts a function in the place of a method of one object, or of a class, until it is undone.

    Somebody else may do the same after us: then their function has ours inside, and taking theirs
    away would break them. It is left, and ours only passes on what it gets (`is_active`).
    """

    def __init__(
        self, owner: Any, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]
    ) -> None:
        """Replace `owner.name` by what `make` makes of it."""
        self._owner, self._name = owner, name
        self._own = vars(owner).get(name)
        original = getattr(owner, name)
        replacement = make(original)

        def passed_on(*args: Any, **kwargs: Any) -> Any:
            return (replacement if self.is_active else original)(*args, **kwargs)

        self._ours = passed_on
        self.is_active = True
        setattr(owner, name, passed_on)

    def undo(self) -> None:
        """Put back what was there."""
        self.is_active = False
        if vars(self._owner).get(self._name) is not self._ours:
            return
        if self._own is None:
            delattr(self._owner, self._name)
        else:
            setattr(self._owner, self._name, self._own)
