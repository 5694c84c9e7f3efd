"""Settings that cannot work, and files that cannot be read: each is named, and nothing is started."""

from pathlib import Path

import pytest

from tests.houses import House


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("REDIS_URL", "localhost:6379", "begins with redis://"),
        ("REDIS_URL", "redis://127.0.0.1:abc", "Port could not be cast"),
        ("TELEGRAM_ALLOWED_USERS", "@ada", "@ada is no numeric id"),
        ("TELEGRAM_ALLOWED_USERS", "7 8", "7 8 is no numeric id"),
        ("BUTLER_OWNERS", "7", "write the chat and the id, such as telegram:7"),
        ("BUTLER_HOME", "/dev/null/home", "cannot be made: Not a directory"),
    ],
)
def test_settings_that_cannot_work(tmp_path: Path, variable: str, value: str, complaint: str) -> None:
    """A value that nobody can be served with is refused with what is wrong, and nothing is started."""
    home = House(tmp_path)
    home.env[variable] = value
    done = home.run("up", lines=["hello"])
    assert f"butler: {variable}: " in done.stderr
    assert complaint in done.stderr
    assert (done.stdout, done.returncode) == ("", 78)


def test_a_settings_file_in_another_encoding(tmp_path: Path) -> None:
    """A .env that is no UTF-8 text is named."""
    home = House(tmp_path)
    (tmp_path / ".env").write_bytes(b"BUTLER_DEFAULT=\xe4\n")
    done = home.run("check")
    assert done.stderr == "butler: .env: the file is not UTF-8 text. Save it as UTF-8.\n"


def test_a_database_that_is_none(tmp_path: Path) -> None:
    """A damaged database is named by every command, without a traceback."""
    home = House(tmp_path)
    (tmp_path / "butlers").mkdir()
    (tmp_path / "butlers" / "house.db").write_text("this is no database, however long one looks at it" * 100)
    for command in ("up", "sessions"):
        done = home.run(command, lines=["hello"])
        assert "house.db cannot be read: file is not a database" in done.stderr
        assert "Traceback" not in done.stderr
        assert done.returncode == 78


def test_a_new_butler_where_nothing_can_be_written(tmp_path: Path) -> None:
    """`butler init` says where it could not write."""
    home = House(tmp_path)
    home.env["BUTLER_HOUSEHOLD"] = "/dev/null"
    assert "cannot be written: Not a directory" in home.run("init", "chef").stderr
