"""What a relay is told: what is wrong is refused, with its line and the reason."""

import re

import pytest
from click.testing import CliRunner

from testigos.cli import main
from testigos.errors import ConfigError, InputError, UnknownName
from testigos.relay.config import from_urls, load
from testigos.relay.endpoints import endpoint

GOOD = """
name = "mast-1"

[[input]]
name = "rx1"
url = "beast+tcp://127.0.0.1:30005"
licence = "CC0"

[[customer]]
name = "map"
url = "sbs+listen://:30003"
policy = "open"

[[customer]]
url = "gdl90+udp://127.0.0.1:4000"
policy = { area = [-70, 8, -58, 16], every_s = 1 }

[policy.open]
military = "none"
decimals = 2
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        file = tmp_path / "relay.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_a_good_file_is_taken_and_what_has_no_name_is_called_by_its_address(written):
    config = load(written(GOOD))
    assert [c.name for c in config.customer] == ["map", "gdl90+udp://127.0.0.1:4000"]
    assert config.policy["open"].decimals == 2
    assert config.customer[1].policy.area == (-70, 8, -58, 16)


@pytest.mark.parametrize(
    ("change", "line", "reason"),
    [
        (('licence = "CC0"', 'licence = "CC0"\nbaud = 9600'), 8, "unknown field `baud`"),
        (("beast+tcp", "beats+tcp"), 6, "did you mean 'beast'"),
        (("sbs+listen", "kml+listen"), 11, "read only"),
        (('policy = "open"', 'policy = "opne"'), 12, "no policy 'opne'"),
        (("[-70, 8, -58, 16]", "[-70, 16, -58, 8]"), 16, "south not above north"),
        (("every_s = 1", 'every_s = "1"'), 16, "Expected `float`"),
        (('military = "none"', 'military = "no"'), 19, "Invalid enum value"),
        (("decimals = 2", "decimals = 12"), 20, "from 0 to 9"),
        (("decimals = 2", "decimals = = 2"), 20, "no TOML"),
        (("30003", "303030"), 11, "from 1 to 65535"),
        (('name = "map"', 'name = "rx1"'), 10, "two called 'rx1'"),
        (('url = "sbs+listen://:30003"', 'url = "sbs+listen://:30003"\ndurable = true'), 12, "can be caught up"),
        (('url = "sbs+listen://:30003"', 'url = "sbs+listen+tls://:30003"'), 9, "tls.cert"),
        (('url = "sbs+listen://:30003"', 'url = "sbs+tls://h:1"\ntls = { ca = "none.pem" }'), 12, "cannot be read"),
        (("decimals = 2", 'privacy_file = "x"'), 20, "cannot be read"),
        (('name = "mast-1"', 'name = "mast 1"'), 2, "a node's name"),
        (("gdl90+udp://127", "gdl90+udp://me:secret@127"), 15, "password does not belong"),
    ],
)
def test_a_bad_file_is_refused_with_the_line_and_the_reason(written, change, line, reason):
    assert change[0] in GOOD
    file = written(GOOD.replace(*change, 1))
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert reason in str(caught.value)
    assert caught.value.line == line
    assert f"line {line}" in str(caught.value)


def test_no_secret_is_in_what_is_said_of_a_bad_address(written):
    with pytest.raises(ConfigError) as caught:
        load(written(GOOD.replace("gdl90+udp://127", "gdl90+udp://me:hush@127")))
    assert "hush" not in str(caught.value)


def test_a_listener_without_a_host_is_on_loopback():
    assert endpoint("sbs+listen://:30003").host == "127.0.0.1"
    assert endpoint("sbs+listen://0.0.0.0:30003").host == "0.0.0.0"
    assert endpoint("sbs+listen://[::1]:30003").place == ("::1", 30003)


@pytest.mark.parametrize("url", ["", "beast", "beast://h:1", "beast+tcp//h:1", "beast+tcp://h", "sbs+file://h/x"])
def test_what_is_no_address_is_said_so(url):
    with pytest.raises(InputError):
        endpoint(url)
    with pytest.raises(UnknownName):
        endpoint("beast+tpc://h:1")


def test_two_that_listen_at_one_place_are_refused():
    with pytest.raises(ConfigError, match="is taken by"):
        from_urls(["sbs+listen://:4001"], ["sbs+listen://:4001"])


def test_check_says_what_a_relay_would_do_and_starts_nothing(written):
    done = CliRunner().invoke(main, ["relay", "--check", str(written(GOOD))])
    assert done.exit_code == 0, done.output
    assert re.search(r"^hears rx1 \(beast\+tcp://127.0.0.1:30005\)$", done.output, re.MULTILINE)
    urls = ["relay", "--check", "beast+tcp://127.0.0.1:30005", "--", "sbs+listen://:30003", "gdl90+udp://:4000"]
    done = CliRunner().invoke(main, urls)
    assert done.exit_code == 0, done.output
    assert "tells sbs+listen://127.0.0.1:30003" in done.output


def test_check_of_a_bad_file_ends_with_an_error(written):
    done = CliRunner().invoke(main, ["relay", "--check", str(written("nam = 1"))])
    assert done.exit_code != 0
    assert "line 1" in done.output


def test_one_list_alone_is_told_what_is_missing():
    done = CliRunner().invoke(main, ["relay", "beast+tcp://127.0.0.1:30005"])
    assert done.exit_code == 2
    assert "--" in done.output
