"""A live window, with tkinter's part played by a stand-in; and on a display where there is one."""

import sys
import types
import weakref

import pytest
from PIL import Image

from deephar.viz import Window


class Tk:
    """What `deephar.viz.window` uses of tkinter's window, and a user who does something at the next update."""

    def __init__(self):
        self.bound, self.destroyed, self.user, self.titles = {}, 0, None, []
        self.title, self.protocol, self.bind = self.titles.append, self.bound.__setitem__, self.bound.__setitem__

    def winfo_screenwidth(self):
        return 1000

    def winfo_screenheight(self):
        return 500

    def update(self):
        assert not self.destroyed
        if self.user:
            self.bound[self.user]()

    def destroy(self):
        self.destroyed += 1


class Label:
    def __init__(self, root, **_):
        root.label, self.shown = self, []

    def pack(self):
        pass

    def configure(self, image):
        self.shown.append((image.size, weakref.ref(image)))


@pytest.fixture
def root(monkeypatch):
    """The window that a stand-in for tkinter gives; `PIL.ImageTk` hands pictures on."""
    given = Tk()
    tkinter = types.SimpleNamespace(Tk=lambda: given, TclError=RuntimeError, Label=Label)
    monkeypatch.setitem(sys.modules, "tkinter", tkinter)
    photos = types.SimpleNamespace(PhotoImage=lambda picture, master: picture)
    monkeypatch.setitem(sys.modules, "PIL.ImageTk", photos)
    monkeypatch.setattr("PIL.ImageTk", photos, raising=False)
    return given


def test_pictures_are_shown_one_after_another(root):
    picture = Image.new("RGB", (64, 48), (1, 2, 3))
    with Window("camera 0") as window:
        assert window.show(picture) and window.show(picture.resize((30, 20)))
        assert [size for size, _ in root.label.shown] == [(64, 48), (30, 20)] and root.titles == ["camera 0"]
        assert root.label.shown[-1][1]() is not None  # tkinter itself would not keep it
        assert not root.destroyed
    assert root.destroyed == 1 and not window.show(picture)
    window.close()
    assert root.destroyed == 1


def test_pictures_larger_than_the_screen_are_reduced(root):
    picture = Image.new("RGB", (2000, 800))
    assert Window("large").show(picture)
    assert root.label.shown[0][0] == (900, 360) and picture.size == (2000, 800)


@pytest.mark.parametrize("user", ["<q>", "<Q>", "<Escape>", "WM_DELETE_WINDOW"])
def test_the_user_closes_it(root, user):
    picture = Image.new("RGB", (64, 48))
    window = Window("camera 0")
    assert window.show(picture)
    root.user = user
    assert not window.show(picture) and root.destroyed == 1
    assert not window.show(picture) and root.destroyed == 1 and len(root.label.shown) == 2


def test_it_waits_until_a_key_is_pressed(root, monkeypatch):
    """Looks again and again, not at what was pressed before; q, Esc and the button of the window end it."""
    picture, looks = Image.new("RGB", (64, 48)), []
    window = Window("photographs")
    monkeypatch.setattr("deephar.viz.window.time.sleep", lambda seconds: looks.append(1))

    def later():
        if len(looks) == 2:
            root.bound["<Key>"]()

    monkeypatch.setattr(root, "update", later)
    for _ in range(2):
        looks.clear()
        assert window.show(picture) and window.wait() and len(looks) == 3
    monkeypatch.setattr(root, "update", lambda: len(looks) == 5 and root.bound["<Escape>"]())
    assert not window.wait() and len(looks) == 6 and root.destroyed == 1 and not window.wait()


def test_without_a_display_it_says_what_to_do(root, monkeypatch):
    def none():
        raise RuntimeError("no display name")

    monkeypatch.setattr(sys.modules["tkinter"], "Tk", none)
    with pytest.raises(RuntimeError, match=r"need a display, and there is none \(no display name\).*write a film"):
        Window("camera 0")


def test_without_tkinter_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tkinter", None)
    monkeypatch.setitem(sys.modules, "PIL.ImageTk", None)
    monkeypatch.delattr("PIL.ImageTk", raising=False)
    with pytest.raises(RuntimeError, match=r"need tkinter.*python3-tk.*write a film"):
        Window("camera 0")


def test_on_a_real_display():
    try:
        window = Window("a test")
    except RuntimeError as error:
        pytest.skip(f"no display: {error}")
    with window:
        assert window.show(Image.new("RGB", (64, 48)))
    assert not window.show(Image.new("RGB", (64, 48)))
