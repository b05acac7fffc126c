"""Files that include files. The expected sections are what a real Asterisk 22.10 answered to GetConfig for them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from telephony.pbxfiles import folder as folders
from telephony.pbxfiles.folder import Folder
from telephony.pbxfiles.tree import Place, Section, Tree
from tests.support.users import as_somebody, folder_for_all

ODD = r"""; a comment
[general]
a=1
b => two ; trailing
c = semi\;colon ; x
d= ;-- in --; after
;-- block
e = hidden
  nested ;-- deep --; still hidden
--; f = shown after
g = = equals
h=> => arrow
j += x
k=one
k += , two
[base](!)
x = base
y = base
[one](base)
y = own
[two](base,general)
[one](+)
z = added
[general]
second = yes
#include inc/*.conf
#tryinclude nothere.conf
n = after include
\#esc = 1
[Mixed Name]
key
key2 =
=novalue
[tail] junk
t = 1
"""
GENERAL = ["a=1", "b=two", "c=semi;colon", "d=after", "f=shown after", "g== equals", "h==> arrow", "j=x", "k=one , two"]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def write(folder: Folder, **files: str) -> None:
    for name, text in files.items():
        path = folder.root / (name.replace("__", "/") + ".conf")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, newline="")


def said(tree: Tree) -> list[tuple[str, list[str]]]:
    return [(section.name, [f"{entry.name}={entry.value}" for entry in section.entries]) for section in tree.real()]


def troubles(tree: Tree) -> list[str]:
    return [f"{each.place}: {each.reason}{' !' * each.refused}" for each in tree.troubles]


def test_a_file_is_read_as_asterisk_reads_it(folder: Folder) -> None:
    write(folder, odd=ODD, inc__a="in_a = 1\n", inc__b="in_b = 1\n[from_b]\nq = 2\n")
    (folder.root / "inc/.hidden.conf").write_text("in_hidden = 1\n")

    tree = folder.read("odd.conf")

    assert said(tree) == [
        ("general", GENERAL),
        ("one", ["x=base", "y=base", "y=own", "z=added"]),
        ("two", ["x=base", "y=base", *GENERAL]),
        ("general", ["second=yes", "in_a=1", "in_b=1", "n=after include", "#esc=1"]),
        ("from_b", ["q=2"]),
        ("Mixed Name", ["key2="]),
        ("tail", ["t=1"]),
    ]
    assert troubles(tree) == ["odd.conf:31: no '='", "odd.conf:33: no name before '='"]
    assert tree.refused is None


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ("[a]\nx = 1 --; 2\ny = 3\n;-- z = 4\nw = 5\n", [("a", ["x=1 --; 2", "w=5"])]),
        ("[a]\r\nx=1\r\ny = 2 \r\n", [("a", ["x=1", "y=2"])]),
        ("[a]\nx=" + "y" * 8189 + "\nz=1\n", [("a", ["z=1"])]),
        ("[a]\nx=" + "y" * 8188 + "\nz=1\n", [("a", ["x=" + "y" * 8188, "z=1"])]),
        ("[a]\nx=1\n[a]\nx=2\n[a](+)\ny=3\n", [("a", ["x=1", "y=3"]), ("a", ["x=2"])]),
        ("[t](!)\nx=1\n[t](!,+)\ny=2\n[u](t)\n", [("u", ["x=1", "y=2"])]),
        ("[a]\nx=1\n[b](!)\nq=1\n[a](+,b)\nz=1\n", [("a", ["x=1", "q=1", "z=1"])]),
        ("\ufeff[a]\nx=1\n", [("a", ["x=1"])]),
        ("[a]\nx = 1\nx+=2\ny+=3\n+=4\nz + = 5\n", [("a", ["x=12", "y=3", "z +=5"])]),
        ("[a]\n#exec /bin/true\nx=1\n", [("a", ["x=1"])]),
        ("", []),
    ],
)
def test_oddities_are_asterisks_own(folder: Folder, text: str, sections: list[tuple[str, list[str]]]) -> None:
    write(folder, a=text)
    assert said(folder.read("a.conf")) == sections


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("[a]\nx=1\n[b\ny=2\n", "a.conf:3: no closing ']' !"),
        ("x=1\n[a]\ny=2\n", "a.conf:1: a setting before any [section] !"),
        ("[a]\nx=1\n#include nope.conf\ny=2\n", "a.conf:3: includes nope.conf, which is not there !"),
        ("[a]\n#include none/*.conf\n", "a.conf:2: includes none/*.conf, which is not there !"),
        ("[a](nope)\nx=1\n", "a.conf:1: inherits from [nope], which is not there !"),
        ("[a](+)\nx=1\n", "a.conf:1: adds to [a], which is not there !"),
    ],
)
def test_what_makes_asterisk_refuse_a_file_is_told(folder: Folder, text: str, trouble: str) -> None:
    write(folder, a=text)
    tree = folder.read("a.conf")
    assert troubles(tree) == [trouble]
    assert tree.refused is tree.troubles[0]


def test_a_refused_file_that_was_included_costs_only_its_own_rest(folder: Folder) -> None:
    write(folder, a="[a]\nx=1\n#include b.conf\ny=2\n", b="z=1\n[broken\nw=1\n")
    tree = folder.read("a.conf")
    assert said(tree) == [("a", ["x=1", "z=1", "y=2"])]
    assert troubles(tree) == ["b.conf:2: no closing ']' !"]
    assert tree.refused is None


def test_a_file_that_includes_itself_comes_to_an_end(folder: Folder) -> None:
    write(folder, a="[a]\nx=1\n#include a.conf\ny=2\n")
    tree = folder.read("a.conf")
    assert len(said(tree)) == 11
    assert tree.troubles[0].reason == "files included 10 deep; does one include itself?"


def test_the_usual_folder_is_the_one_given_and_others_are_read_where_they_are(folder: Folder, tmp_path: Path) -> None:
    elsewhere = tmp_path.with_name(f"{tmp_path.name}-elsewhere")
    elsewhere.mkdir()
    (elsewhere / "c.conf").write_text("[c]\nkey")
    write(folder, a=f"#include /etc/asterisk/b.conf\n#include {elsewhere}/c.conf\n", b="[b]\n")
    tree = folder.read("a.conf")
    assert [name for name, _ in said(tree)] == ["b", "c"]
    assert troubles(tree) == [f"{elsewhere}/c.conf:2: no '='"]


def test_a_file_that_is_not_there_is_no_trouble_and_one_that_is_no_file_is(folder: Folder) -> None:
    os.mkfifo(folder.root / "fifo.conf")
    (folder.root / "dir.conf").mkdir()
    (folder.root / "loop.conf").symlink_to("loop.conf")
    for name, expected in (
        ("none.conf", []),
        ("fifo.conf", ["fifo.conf:0: is no regular file"]),
        ("dir.conf", ["dir.conf:0: is no regular file"]),
        ("loop.conf", ["loop.conf:0: Too many levels of symbolic links"]),
        ("nul\0.conf", ["nul\0.conf:0: embedded null byte"]),
    ):
        tree = folder.read(name)
        assert (tree.there, troubles(tree)) == (False, expected)
    assert folder.has("dir.conf")
    assert not folder.has("none.conf")


def test_every_size_has_a_limit(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, big="[a]\nx=1\n" * 100, many="[a]\n" + "key\n" * 100 + "[open\n")
    tree = folder.read("many.conf")
    assert len(tree.troubles) == folders.MAX_TROUBLES + 1, "but what makes Asterisk refuse it is always told"
    monkeypatch.setattr(folders, "MAX_FILE", 100)
    assert troubles(folder.read("big.conf")) == ["big.conf:0: is too much to read"]
    monkeypatch.setattr(folders, "MAX_FILES", 1)
    write(folder, two="#tryinclude one.conf\n", one="[one]\n")
    assert troubles(folder.read("two.conf")) == ["one.conf:0: is too much to read"]


@pytest.fixture
def open_folder() -> Iterator[Folder]:
    with folder_for_all() as place:
        yield Folder(place)


def test_an_included_file_that_this_user_may_not_read_is_unread_and_the_rest_is_judged(open_folder: Folder) -> None:
    write(open_folder, a="[a]\nx=1\n#include secret.conf\ny=2\n[b]\n", secret="x=3\n[c]\n", whole="[a]\n")
    (open_folder.root / "secret.conf").chmod(0)
    with as_somebody():
        tree, itself = open_folder.read("a.conf"), open_folder.read("secret.conf")
        assert not Folder(open_folder.root / "secret.conf").has("x.conf")
    assert said(tree) == [("a", ["x=1", "y=2"]), ("b", [])]
    assert [(str(each.place), each.reason, each.unread) for each in tree.troubles] == [
        ("secret.conf:0", "Permission denied", True)
    ]
    assert (tree.there, tree.complete, tree.refused) == (True, False, None)
    assert (itself.there, itself.complete) == (False, False)
    assert open_folder.read("whole.conf").complete


def test_a_pattern_into_a_folder_that_this_user_may_not_list_is_unread(open_folder: Folder) -> None:
    write(open_folder, a="[a]\n#include closed/*.conf\nx=1\n#include c*/d.conf\n", closed__b="y=1\n")
    (open_folder.root / "closed").chmod(0)
    with as_somebody():
        tree = open_folder.read("a.conf")
    assert troubles(tree) == [
        "a.conf:2: includes closed/*.conf, which this user may not list",
        "a.conf:4: includes c*/d.conf, which is not there !",
    ]
    assert (said(tree), tree.complete) == ([("a", ["x=1"])], False)


def test_what_builds_upon_a_file_that_was_not_read_is_not_refused(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MAX_FILE", 120)
    write(folder, a="#include big.conf\nq=1\n[a](+)\nx=1\n[b](t,!)\n[c](b)\ny=1\n", big="[a]\nz=1\n" * 100)
    tree = folder.read("a.conf")
    assert said(tree) == [("a", ["x=1"]), ("c", ["y=1"])]
    assert troubles(tree) == [
        "big.conf:0: is too much to read",
        "a.conf:2: a setting before any [section] so far as could be read",
        "a.conf:3: adds to [a], which is not there so far as could be read",
        "a.conf:5: inherits from [t], which is not there so far as could be read",
    ]


def test_what_a_program_would_say_is_unread(folder: Folder) -> None:
    write(folder, a="#exec /bin/true\n[a]\nx=1\n")
    tree = folder.read("a.conf")
    assert (said(tree), tree.complete) == ([("a", ["x=1"])], False)


def test_templates_that_double_come_to_an_end(folder: Folder) -> None:
    double = "".join(f"[t{n + 1}](!,t{n},t{n})\n" for n in range(60))
    write(folder, a=f"[t0](!)\nx=1\n{double}[end](t60)\n", b="[b]\n#include a.conf\n#tryinclude c.conf\n")
    tree = folder.read("a.conf")
    assert sum(len(section.entries) for section in tree.sections) < folders.MAX_ENTRIES
    assert not tree.complete
    assert tree.troubles[0].reason == "more than 500,000 settings; the rest is not read"
    assert tree.troubles[0].unread
    assert len(folder.read("b.conf").troubles) == 1


def test_many_sections_are_found_at_once(folder: Folder) -> None:
    write(folder, a="".join(f"[c{n}]\n" for n in range(20_000)) + "".join(f"[C{n}](+)\nx=1\n" for n in range(20_000)))
    tree = folder.read("a.conf")
    assert {len(section.entries) for section in tree.sections} == {1}
    assert len(tree.sections) == 20_000


def test_the_last_setting_counts_and_names_are_not_case_sensitive(folder: Folder) -> None:
    write(folder, a="[General]\nPort=1\nport=2\nother=3\n")
    tree = folder.read("a.conf")
    general = tree.section("general")
    assert general is not None
    assert [entry.value for entry in general.all("PORT")] == ["1", "2"]
    last = general.last("bindport", "port")
    assert last is not None
    assert (last.value, last.place) == ("2", Place("a.conf", 3))
    assert general.last("none") is None
    assert tree.section("none") is None
    assert Section("x", Place("a", 1)).last("y") is None


def test_bytes_that_are_no_text_are_kept(folder: Folder) -> None:
    (folder.root / "a.conf").write_bytes(b"[a]\nx=\xff\x1b[2J\n")
    assert said(folder.read("a.conf")) == [("a", ["x=\udcff\x1b[2J"])]
