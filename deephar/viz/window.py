"""A window that shows pictures, as they come or until a key is pressed, with tkinter, which most Pythons have."""

import time
import typing

from PIL import Image

_SCREEN = 0.9
"""Share of the screen's width and height that a picture takes at most."""

_PATIENCE_S = 0.03
"""From one look at what the user does to the next."""


class Window:
    """A window for live pictures; those larger than the screen are reduced.

    Args:
        title: of the window.

    Raises:
        RuntimeError: without tkinter or a display, with what to do.

    Example:
        >>> with Window("camera 0") as window:
        ...     for result in results:
        ...         if not window.show(draw_result(result)):
        ...             break
    """

    def __init__(self, title: str) -> None:
        try:
            import tkinter

            from PIL import ImageTk
        except ImportError as error:
            raise RuntimeError(
                f"--show and Window need tkinter, which this Python lacks ({error}). Install it (Debian and Ubuntu: "
                "apt install python3-tk), or write a film instead"
            ) from None
        try:
            self._root = tkinter.Tk()
        except tkinter.TclError as error:
            raise RuntimeError(
                f"--show and Window need a display, and there is none ({error}). Run on a desktop or through ssh -X, "
                "or write a film instead"
            ) from None
        self._to_photo = ImageTk.PhotoImage
        self._open, self._destroyed, self._answered = True, False, False
        self._root.title(title)
        self._root.protocol("WM_DELETE_WINDOW", self._leave)
        self._root.bind("<Key>", self._answer)
        for key in ("<q>", "<Q>", "<Escape>"):
            self._root.bind(key, self._leave)
        self._area = tkinter.Label(self._root, borderwidth=0)
        self._area.pack()

    def show(self, picture: Image.Image) -> bool:
        """Show a picture instead of the one before, and attend to the user.

        Args:
            picture: `PIL.Image.Image`; it is not changed.

        Returns:
            bool: False once the user has closed the window or pressed q or Esc; then it is gone.
        """
        if not self._open:
            return False
        picture = picture.copy()
        picture.thumbnail((_SCREEN * self._root.winfo_screenwidth(), _SCREEN * self._root.winfo_screenheight()))
        photo = self._to_photo(picture, master=self._root)
        self._area.configure(image=photo)
        self._photo = photo  # tkinter does not keep it
        self._root.update()
        if not self._open:
            self.close()
        return self._open

    def wait(self) -> bool:
        """Wait with a picture until the user presses a key.

        Returns:
            bool: False once the user has closed the window or pressed q or Esc; then it is gone.
        """
        self._answered = False
        while self._open and not self._answered:
            self._root.update()
            time.sleep(_PATIENCE_S)
        if not self._open:
            self.close()
        return self._open

    def close(self) -> None:
        """Close the window; harmless if it is closed."""
        self._open = False
        if not self._destroyed:
            self._root.destroy()
        self._destroyed = True

    def _answer(self, *_: object) -> None:
        self._answered = True

    def _leave(self, *_: object) -> None:
        """What the user wants; the window goes when tkinter is done with it."""
        self._open = False

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
