"""Where token and endpoint come from, in which order, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TOKEN, Ended, Ours, StartSandbox
from rows import write

from ours_cli.contract import DEFAULT_BASE_URL, TOKEN_MAX
from ours_cli.destination import destination
from ours_cli.doctor.finding import Finding, Level
from ours_cli.errors import AuthError, OursError, UsageError
from ours_cli.files.folders import config_path, state_dir
from ours_cli.options import Target
from ours_cli.sandbox import Fault, Then, When
from ours_cli.settings import Endpoint, EndpointFlags, check_base_url, resolve_endpoint

SECRET = "tok-from-config-99"


def config(text: str, mode: int = 0o600) -> Path:
    path = config_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, text).chmod(mode)
    return path


@pytest.fixture
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OURS_PRIVACY_TOKEN")


def token(**flags: object) -> str:
    return resolve_endpoint(EndpointFlags(**flags)).token  # type: ignore[arg-type]


class TestOrder:
    def test_file_before_environment_before_profile(self, tmp_path: Path) -> None:
        config(f'token = "{SECRET}"')
        path = write(tmp_path / "t", "  from-file\n")
        assert token(token_file=str(path)) == "from-file"
        assert token() == TOKEN
        marked = write(tmp_path / "m", "\ufefffrom-notepad\r\n")
        assert token(token_file=str(marked)) == "from-notepad"

    @pytest.mark.usefixtures("no_token")
    def test_profile(self) -> None:
        config(f'token = "{SECRET}"')
        assert token() == SECRET

    @pytest.mark.usefixtures("no_token")
    def test_command_before_file_before_token(self, tmp_path: Path) -> None:
        path = write(tmp_path / "t", "from-file\n")
        config(f'token = "plain"\ntoken_file = "{path}"\ntoken_command = "echo from-command"')
        assert token() == "from-command"
        config(f'token = "plain"\ntoken_file = "{path}"')
        assert token() == "from-file"

    @pytest.mark.usefixtures("no_token")
    def test_a_file_below_home(self, home: Path) -> None:
        write(home / "key", "from-home\n")
        config('token_file = "~/key"')
        assert token() == "from-home"

    @pytest.mark.usefixtures("no_token")
    def test_a_relative_file_is_beside_the_config(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A command may be typed anywhere; and the config's `-` is no standard input, which may hold rows."""
        folder = config('token_file = "keys/live"').parent
        (folder / "keys").mkdir()
        write(folder / "keys" / "live", "beside-the-config\n")
        write(folder / "-", "no-input\n")
        monkeypatch.chdir(tmp_path)
        assert token() == "beside-the-config"
        config('token_file = "-"')
        assert token() == "no-input"

    def test_test_mode_has_a_key_of_its_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(AuthError, match="Test Mode token"):
            token(test=True)
        config(f'test_token = "{SECRET}"')
        assert token(test=True) == SECRET
        monkeypatch.setenv("OURS_PRIVACY_TEST_TOKEN", "test-env")
        assert token(test=True) == "test-env"
        assert resolve_endpoint(EndpointFlags(test=True)).test_mode
        assert token() == TOKEN

    @pytest.mark.usefixtures("no_token")
    def test_the_key_of_the_other_cli_is_not_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OURS_PRIVACY_API_KEY", "management-key")
        with pytest.raises(AuthError):
            token()

    @pytest.mark.parametrize("empty", ["", "  ", "\n"])
    def test_an_empty_token_is_none(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty: str
    ) -> None:
        monkeypatch.setenv("OURS_PRIVACY_TOKEN", empty)
        with pytest.raises(AuthError, match="there is no token") as caught:
            token()
        assert "OURS_PRIVACY_TOKEN" in str(caught.value.hint)
        with pytest.raises(AuthError):
            token(token_file=str(write(tmp_path / "t", empty)))
        config('token = ""')
        with pytest.raises(AuthError):
            token()

    def test_what_is_named_and_empty_is_named_again(self, tmp_path: Path) -> None:
        """Not "there is no token, export OURS_PRIVACY_TOKEN": that is there, and passed over."""
        path = write(tmp_path / "t", "\n")
        with pytest.raises(AuthError, match=rf"the token file {path} \(--token-file\) is empty"):
            token(token_file=str(path))
        config(f'test_token_file = "{path}"')
        with pytest.raises(AuthError, match=rf"{path} \(test_token_file in the config\) is empty"):
            token(test=True)
        config('test_token_command = "echo"')
        with pytest.raises(AuthError, match="test_token_command printed no token"):
            token(test=True)

    @pytest.mark.parametrize("key", ["token_command", "test_token_command"])
    def test_a_command_that_fails_is_called_by_its_name(
        self, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("OURS_PRIVACY_TOKEN")
        config(f'{key} = "exit 3"')
        with pytest.raises(AuthError, match=f"^{key} failed with exit code 3"):
            token(test=key.startswith("test"))

    def test_base_url(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert resolve_endpoint(EndpointFlags()).base_url == DEFAULT_BASE_URL
        config('base_url = "https://config.example/api/"')
        assert resolve_endpoint(EndpointFlags()).base_url == "https://config.example/api"
        monkeypatch.setenv("OURS_PRIVACY_BASE_URL", "https://env.example")
        assert resolve_endpoint(EndpointFlags()).base_url == "https://env.example"
        flags = EndpointFlags(base_url="https://flag.example")
        assert resolve_endpoint(flags).base_url == "https://flag.example"


@pytest.mark.usefixtures("no_token")
class TestProfiles:
    TEXT = f"""
    token = "{SECRET}"
    base_url = "https://common.example"
    [profiles.clinic]
    token = "clinic-token"
    [profiles.staging]
    base_url = "https://staging.example"
    """

    def test_by_flag_environment_and_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        config(self.TEXT)
        assert token() == SECRET
        assert token(profile="clinic") == "clinic-token"
        monkeypatch.setenv("OURS_PRIVACY_PROFILE", "clinic")
        assert token() == "clinic-token"
        assert token(profile="staging") == SECRET
        monkeypatch.delenv("OURS_PRIVACY_PROFILE")
        config('default_profile = "clinic"\n' + self.TEXT)
        assert token() == "clinic-token"

    def test_a_profile_with_a_token_never_falls_back_on_the_common_one(self) -> None:
        config(self.TEXT)
        assert resolve_endpoint(EndpointFlags(profile="clinic")).base_url == "https://common.example"
        with pytest.raises(AuthError):
            token(profile="clinic", test=True)
        config('test_token = "common-test"\n' + self.TEXT)
        with pytest.raises(AuthError):
            token(profile="clinic", test=True)

    def test_unknown_ones(self) -> None:
        with pytest.raises(UsageError, match="does not exist"):
            token(profile="clinic")
        config(self.TEXT)
        with pytest.raises(UsageError) as caught:
            token(profile="clinc")
        assert caught.value.hint == "did you mean 'clinic'?"

    @pytest.mark.parametrize(
        ("text", "message", "hint"),
        [
            ('default_profile = ["a"]', "'default_profile' in ", "quotes"),
            ("profiles = 3", "'profiles' in ", "[profiles.NAME]"),
            ("[profiles]\na = 3", "the profile 'a' in ", "[profiles.a]"),
            ('[profile.a]\ntoken = "x"', "unknown key 'profile' in ", "did you mean 'profiles'?"),
            ("[somewhere]", "unknown key 'somewhere' in ", "known keys: "),
            ('[token]\na = "x"', "'token' in ", "quotes"),
            ('tokn = "x"\n[profiles.a]\ntoken = "y"', "unknown key 'tokn' in ", "did you mean 'token'?"),
        ],
    )
    @pytest.mark.parametrize("name", [("--profile", "a"), ()])
    def test_a_config_of_another_shape(
        self, ours: Ours, text: str, message: str, hint: str, name: tuple[str, ...]
    ) -> None:
        path = config(text)
        ended = ours("track", "E", "--external-id", "c", *name)
        if text.startswith("[profiles]") and not name:
            assert ended.code == 4, "nobody asked for it"
            return
        assert ended.code == 2
        assert f"error: {message}{path}" in ended.err
        assert hint in ended.err.partition("hint: ")[2]


class TestConfig:
    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
    def test_others_must_not_read_it(self, mode: int) -> None:
        path = config(f'token = "{SECRET}"', mode)
        with pytest.raises(UsageError) as caught:
            resolve_endpoint(EndpointFlags())
        assert caught.value.hint == f"chmod 600 {path}"
        assert SECRET not in caught.value.message

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (f'token = "{SECRET}', "not valid TOML"),
            (f"token = {SECRET}", "not valid TOML"),
            (f'tokn = "{SECRET}"', "unknown key 'tokn'"),
            ('token = ["tok-from-config-99"]', "'token'"),
            (f'token = "{SECRET}"\ntoken_command = 7', "'token_command'"),
        ],
    )
    def test_errors_hold_no_token(self, text: str, message: str) -> None:
        config(text)
        with pytest.raises(UsageError) as caught:
            resolve_endpoint(EndpointFlags())
        assert message in caught.value.message
        assert SECRET not in f"{caught.value!r} {caught.value.hint}"

    def test_latin_1(self) -> None:
        path = config("")
        path.write_bytes(b'token = "\xe9"')
        with pytest.raises(UsageError, match="cannot be read"):
            resolve_endpoint(EndpointFlags())

    @pytest.mark.usefixtures("no_token")
    @pytest.mark.parametrize(
        ("command", "message"),
        [("exit 3", "exit code 3"), ("true", "no token"), ("echo 'a b'", "cannot be right")],
    )
    def test_token_commands_that_fail(self, command: str, message: str) -> None:
        config(f'token_command = "{command}"')
        with pytest.raises(AuthError, match=message):
            token()

    @pytest.mark.usefixtures("no_token")
    def test_a_token_file_that_is_not_there(self) -> None:
        config('token_file = "/no/such"')
        with pytest.raises(AuthError, match="the file that token_file in the config names does not exist"):
            token()

    @pytest.mark.parametrize("typed", ["secret-token", "x" * 300, "secret/token", "~secret-token"])
    def test_a_token_typed_in_place_of_its_file_is_not_repeated(self, ours: Ours, typed: str) -> None:
        for command in (("track", "E", "--external-id", "c"), ("doctor",)):
            ended = ours(*command, "--token-file", typed)
            assert "the file that --token-file names does not exist" in ended.out + ended.err
            assert typed not in ended.out + ended.err

    def test_a_token_file_in_a_closed_folder(self, ours: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its existence cannot be known; root can always tell."""

        def closed(path: str) -> None:
            raise PermissionError(13, os.strerror(13), path)

        with monkeypatch.context() as patch:
            patch.setattr("ours_cli.files.named_secrets.os.lstat", closed)
            ended = ours("track", "E", "--external-id", "c", "--token-file", "/closed/key")
        assert ended.code == 4
        assert "error: the file that --token-file names cannot be reached: Permission denied\n" in ended.err

    def test_a_token_file_that_is_there_is_named(self, ours: Ours, tmp_path: Path) -> None:
        ended = ours("track", "E", "--external-id", "c", "--token-file", tmp_path)
        assert f"the token file {tmp_path} cannot be read (IsADirectoryError)" in ended.err

    def test_a_folder_in_its_place(self) -> None:
        config_path().mkdir(parents=True)
        with pytest.raises(UsageError, match=f"the config {config_path()} is a folder"):
            resolve_endpoint(EndpointFlags())

    def test_xdg(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert config_path() == home / "config" / "ours" / "config.toml"
        assert state_dir() == home / "state" / "ours"
        for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            monkeypatch.setenv(name, "")
        assert config_path() == home / ".config" / "ours" / "config.toml"
        assert state_dir() == home / ".local" / "state" / "ours"


@pytest.mark.parametrize("text", ["x" * (TOKEN_MAX + 1), "two words", "a\tb", "a\x00b", "a\nb", "a\u202eb"])
def test_tokens_that_cannot_be_right(tmp_path: Path, text: str) -> None:
    with pytest.raises(AuthError) as caught:
        token(token_file=str(write(tmp_path / "t", text)))
    assert text not in f"{caught.value.message} {caught.value.hint}"


def test_the_longest_token(tmp_path: Path) -> None:
    assert token(token_file=str(write(tmp_path / "t", "x" * TOKEN_MAX))) == "x" * TOKEN_MAX


@pytest.mark.parametrize(
    "url",
    [
        *("https://api.example/api/v1/", "https://api.example:8443", "http://localhost:8787/api/v1"),
        *("http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]:8787", "https://[2001:db8::1]/x"),
    ],
)
def test_base_urls(url: str) -> None:
    assert check_base_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        *("http://api.example", "http://localhost.example", "http://10.0.0.1", "http://0.0.0.0:8787"),
        *("http://127.0.0.1.example", "ftp://x", "api.example", "", "https://", "https://x:port", "//x"),
        *("https://user:secret-pw@api.example", "https://api.example/?token=x", "https://api.example/#x"),
        *("https://[", "file:///etc/passwd"),
    ],
)
def test_base_urls_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_base_url(url)
    assert caught.value.hint
    assert "secret-pw" not in caught.value.message + caught.value.hint


def test_repr_hides_the_token() -> None:
    endpoint = Endpoint("https://api.example", TOKEN)
    assert TOKEN not in repr(endpoint) + str(endpoint)


class TestCommands:
    """The same at the door."""

    FIELDS = ("track", "E", "--external-id", "c")

    @pytest.fixture
    def rows(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The `rows.ndjson` of the current folder."""
        monkeypatch.chdir(home)
        write(home / "rows.ndjson", '{"event":"E","externalId":"c"}\n')

    @pytest.mark.usefixtures("rows")
    @pytest.mark.parametrize("command", [FIELDS, ("batch", "rows.ndjson")])
    def test_a_base_url_without_its_path_is_told_by_where_it_comes_from(
        self,
        ours: Ours,
        sandbox: StartSandbox,
        home: Path,
        monkeypatch: pytest.MonkeyPatch,
        command: tuple[str, ...],
    ) -> None:
        url = sandbox().base_url.removesuffix("/api/v1")
        hint = "hint: check {}: the API's own ends in /api/v1\n"
        monkeypatch.setenv("OURS_PRIVACY_BASE_URL", url)
        ended = ours(*command)
        assert (ended.code, "404" in ended.err) == (8, True)
        assert hint.format("OURS_PRIVACY_BASE_URL") in ended.err
        assert hint.format("--base-url") in ours(*command, "--base-url", f"{url}/api").err
        monkeypatch.delenv("OURS_PRIVACY_BASE_URL")
        config = home / "config" / "ours" / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(f'base_url = "{url}"\n')
        config.chmod(0o600)
        assert hint.format("base_url in the config") in ours(*command).err

    @pytest.mark.usefixtures("rows")
    @pytest.mark.parametrize("command", [FIELDS, ("batch", "rows.ndjson")])
    def test_a_page_that_is_not_the_apis_is_told_by_where_its_address_comes_from(
        self, ours: Ours, sandbox: StartSandbox, command: tuple[str, ...]
    ) -> None:
        sandbox(Fault(When(), Then("html")))
        ended = ours(*command)
        assert (ended.code, "5 times in a row" in ended.err) == (8, True)
        assert "hint: is OURS_PRIVACY_BASE_URL the API itself" in ended.err

    def test_doctor_tells_where_an_address_that_is_none_comes_from(
        self, ours: Ours, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OURS_PRIVACY_BASE_URL", "https://nowhere.invalid/api/v1")
        assert "hint: check OURS_PRIVACY_BASE_URL and the network" in ours("doctor").out

    def test_a_token_that_cannot_be_right_is_told_by_where_it_comes_from(
        self, ours: Ours, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OURS_PRIVACY_TOKEN", f"{SECRET} b")
        ended = ours(*self.FIELDS)
        assert "hint: OURS_PRIVACY_TOKEN is to hold the source API key alone\n" in ended.err
        (home / "key").write_text(f"{SECRET} b")
        file = home / "key"
        assert f"hint: {file} (--token-file) is to hold" in ours(*self.FIELDS, "--token-file", file).err
        assert SECRET not in ended.err

    @pytest.mark.parametrize("typed", [("--token", SECRET), (f"--token={SECRET}",)])
    @pytest.mark.parametrize("command", [FIELDS, ("identify",), ("batch", "x"), ("backfill", "x")])
    def test_token_on_the_command_line_is_refused(
        self, ours: Ours, sandbox: StartSandbox, command: tuple[str, ...], typed: tuple[str, ...]
    ) -> None:
        place = sandbox()
        ended = ours(*command, *typed)
        assert ended.code == 2
        assert "history" in ended.err
        assert "OURS_PRIVACY_TOKEN" in ended.err
        assert SECRET not in ended.out + ended.err
        assert list(place.requests()) == []

    def test_token_file_on_standard_input(self, ours_process: Ours, sandbox: StartSandbox) -> None:
        place = sandbox()
        env = {"OURS_PRIVACY_TOKEN": ""}
        ended = ours_process(*self.FIELDS, "--token-file", "-", stdin=b"from-stdin\n", env=env)
        assert ended.code == 0, ended.err
        assert len(list(place.requests())) == 1
        marked = "\ufefffrom-powershell\r\n".encode()
        assert ours_process(*self.FIELDS, "--token-file", "-", stdin=marked, env=env).code == 0
        ended = ours_process(*self.FIELDS, "--token-file", "-", env=env)
        assert ended.code == 4
        assert "no token in the first line of standard input" in ended.err

    def test_no_token(self, ours: Ours, sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        place = sandbox()
        monkeypatch.setenv("OURS_PRIVACY_TOKEN", " ")
        ended = ours(*self.FIELDS)
        assert ended.code == 4
        assert "--sandbox needs none" in ended.err
        assert list(place.requests()) == []

    def test_test_mode_is_said(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sandbox()
        monkeypatch.setenv("OURS_PRIVACY_TEST_TOKEN", "test-key")
        path = write(tmp_path / "r.ndjson", '{"event": "E", "externalId": "c"}\n')
        assert "(this machine, Test Mode)" in ours("batch", path, "--test").out
        assert "(this machine)" in ours("batch", path).out
        monkeypatch.setattr("ours_cli.settings.is_loopback", lambda host: False)
        monkeypatch.setenv("OURS_PRIVACY_BASE_URL", "https://ingest.example.com")
        for flags, mode in (((), "live"), (("--test",), "Test Mode")):
            with destination(Target(test=bool(flags)), None) as target:
                assert target.name == f"https://ingest.example.com ({mode})"

    def test_the_token_arrives_and_is_shown_nowhere(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        for flags in ((), ("-v",), ("--dry-run",), ("-o", "json")):
            ended = ours(*self.FIELDS, *flags)
            assert ended.code == 0
            assert TOKEN not in ended.out + ended.err


def test_errors_are_for_people() -> None:
    with pytest.raises(OursError) as caught:
        check_base_url("http://far.example")
    assert str(caught.value) == "refusing to send health data over plain http:// to another machine"


class TestAHomeThatIsNoFolder:
    """Users of services have `/dev/null` for a home."""

    @pytest.fixture(autouse=True)
    def _no_folder(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", "/dev/null")
        for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            monkeypatch.delenv(name)

    def test_it_holds_no_config(self, ours: Ours, sandbox: StartSandbox) -> None:
        sandbox()
        assert ours("track", "E", "--external-id", "c").code == 0
        assert ours("runs").code == 0
        ended = ours("track", "E", "--external-id", "c", "--profile", "clinic")
        assert ended.code == 2
        assert "there is no profile 'clinic'" in ended.err

    def test_runs_need_another_place(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        rows = tmp_path / "rows.ndjson"
        rows.write_text('{"event": "E", "externalId": "c"}\n')
        ended = ours("batch", rows)
        assert ended.code == 7
        assert "cannot be written: Not a directory\nhint: XDG_STATE_HOME names another place" in ended.err


class TestWithoutAHome:
    """A container that runs as a user id without a name, and no HOME."""

    @pytest.fixture(autouse=True)
    def no_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            monkeypatch.delenv(name)

        def nobody(path: object) -> None:
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(Path, "home", classmethod(nobody))
        monkeypatch.setattr(Path, "expanduser", nobody)

    def test_one_event_needs_none(self, ours: Ours, sandbox: StartSandbox) -> None:
        sandbox()
        assert ours("track", "E", "--external-id", "c").code == 0

    def test_rows_need_a_state_folder(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sandbox()
        path = write(tmp_path / "r.ndjson", '{"event": "E", "externalId": "c"}\n')
        assert ours("batch", path, "--dry-run").code == 0
        ended = ours("batch", path)
        assert ended.code == 2
        assert "error: there is no home folder, and XDG_STATE_HOME is not set" in ended.err
        assert "hint: export XDG_STATE_HOME=" in ended.err
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        assert ours("batch", path).code == 0

    def test_what_else_is_missing_is_said(
        self, ours: Ours, sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sandbox()
        fields = ("track", "E", "--external-id", "c")
        assert ours(*fields, "--profile", "x").code == 2
        assert ours(*fields, "--token-file", "~/key").code == 4
        assert ours(*fields, "-p", "a=@~/text").code == 2
        assert ours(*fields, "--data", "@~/body").code == 2
        monkeypatch.delenv("OURS_PRIVACY_TOKEN")
        ended = ours(*fields)
        assert (ended.code, "token_command in the config" in ended.err) == (4, True)

    def test_doctor_looks_at_the_rest_too(
        self, ours: Ours, sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without a home, rows cannot be sent (2), and one event can: no reason to look at nothing else."""
        sandbox()
        monkeypatch.setattr("ours_cli.commands.doctor.self_test", lambda: Finding("self-test", Level.ok, "."))
        ended = ours("doctor", "-o", "json")
        levels = {check["check"]: check["level"] for check in ended.json["checks"]}
        assert ended.code == 2
        assert [name for name, level in levels.items() if level == "failed"] == ["state"]
        assert levels["config"] == levels["answer"] == levels["self-test"] == "ok"
        (state,) = (check for check in ended.json["checks"] if check["check"] == "state")
        assert "XDG_STATE_HOME is not set" in state["text"]
        assert state["hint"].startswith("export XDG_STATE_HOME=")


def test_a_token_command_does_not_read_the_rows(
    ours_process: Ours, sandbox: StartSandbox, no_token: None
) -> None:
    """ssh and some vaults' programs read whatever standard input there is."""
    box = sandbox()
    config(f'token_command = "cat >/dev/null; echo {TOKEN}"')
    ended = ours_process("batch", "-q", stdin=b'{"event": "E", "externalId": "c"}\n')
    assert (ended.code, box.totals().events) == (0, 1)


def test_a_token_on_a_closed_standard_input(ours_process: Ours) -> None:
    words = [sys.executable, "-m", "ours_cli", "track", "E", "--external-id", "c", "--token-file", "-"]
    done = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", *words], capture_output=True, text=True)
    assert done.returncode == 4
    assert "error: the token cannot be read: standard input is closed" in done.stderr


def test_profiles_that_nobody_chose_are_named(ours: Ours, no_token: None) -> None:
    config(f'[profiles.clinic]\ntoken = "{SECRET}"\n[profiles.default]\ntoken = "{SECRET}"\n')
    ended = ours("track", "X", "--email", "a@b.c")
    assert ended.code == 4
    assert "or --profile NAME (clinic, default); --sandbox" in ended.err
    assert SECRET not in ended.err


@pytest.mark.usefixtures("no_token")
@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero here")
@pytest.mark.parametrize("named", [True, False], ids=["by name", "standard input"])
def test_a_token_file_without_an_end(ours_process: Ours, named: bool) -> None:
    words = ("track", "E", "--external-id", "c", "--token-file", "/dev/zero" if named else "-")
    if named:
        ended = ours_process(*words)
    else:
        command = [sys.executable, "-m", "ours_cli", *words]
        with Path("/dev/zero").open("rb") as endless:
            done = subprocess.run(command, stdin=endless, capture_output=True, text=True, timeout=100)
        ended = Ended(done.returncode, done.stdout, done.stderr)
    assert ended.code == 4
    assert "the token cannot be right" in ended.err
