r"""Secrets stay out of the rows, and everything else stays byte for byte.

Spelled out: `%` stands for the secret in what is sent, and for `***` in what is expected.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplog_common import ocppj
from ocpplog_common.envelope import Envelope, Source
from ocpplog_enricher.domain import secret_names
from ocpplog_enricher.domain.fields import enrich
from ocpplog_enricher.domain.json_text import Cut, apply, unescape
from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.pairing import Exchange, Outcome, Pairing
from ocpplog_enricher.domain.policy import Policy
from ocpplog_enricher.domain.redaction import redact
from ocpplog_enricher.domain.rows import LogRow

SECRET = "4f8ac01b99d27e3c"


def observed(frame: bytes, source: Source, offset: int) -> Observed:
    envelope = Envelope("CP1", "site", source, "ocpp1.6", "a" * 32, offset + 1, 1_795_480_794_403_123, "gw", frame)
    return Observed(envelope, ocppj.parse(frame), offset)


def row(request: bytes, response: bytes = b'[3,"1",{}]') -> LogRow:
    """The row of the first exchange that ends, by the pairing and the enricher as they are."""
    pairing = Pairing(lambda *_: True, 60_000_000)
    ended = pairing.observe(observed(request, Source.CSMS, 0)) + pairing.observe(observed(response, Source.CHARGER, 1))
    return enrich(ended[0], 0).log


def asked(action: str, payload: str) -> LogRow:
    return row(f'[2,"1","{action}",{payload}]'.encode())


def answered(payload: str) -> LogRow:
    return row(b'[2,"1","Any",{}]', f'[3,"1",{payload}]'.encode())


NAMED = '{"component":{"name":"SecurityCtrlr"},"variable":{"name":"BasicAuthPassword"},'
CUT = [
    '{"key":"AuthorizationKey","value":"%"}',
    '{ "value" : "%" ,\n "key" :"AUTHORIZATIONKEY", "n":1.50e+1 }',
    '{"key":"Authorization\\u004bey","value":"%"}',
    '{"k\\u0065y":"AuthorizationKey","v\\u0061lue":"%"}',
    '{"key":"x","key":"AuthorizationKey","value":"%","value":"%"}',
    '{"key":"WiFi_Passwd","value":"%"}',
    '{"configurationKey":[{"key":"A","readonly":false,"value":"1"},{"key":"AuthorizationKey","readonly":true,"value":"%"}]}',
    '{"setVariableData":[' + NAMED + '"attributeValue":"%"},{"variable":{"name":"Other"},"attributeValue":"7"}]}',
    '{"getVariableResult":[{"attributeStatus":"Accepted","attributeValue":"%",' + NAMED[1:-1] + "}]}",
    '{"reportData":[' + NAMED + '"variableAttribute":[{"type":"Actual","value":"%","mutability":"WriteOnly"},{"value":"%"}]}]}',
    '{"eventData":[{"actualValue":"%",' + NAMED[1:-1] + "}]}",
    '{"configurationSlot":1,"connectionData":{"basicAuthPassword":"%","apn":{"apn":"net","apnPassword":"%"},'
    '"vpn":{"server":"s","user":"u","password":"%","key":"%","type":"IPSec"}}}',
    '{"vendorId":"V","data":"{\\"pass\\\\u0077ord\\": \\"%\\", \\"n\\": 1.0}"}',
    '{"data":"{\\"a\\":\\"{\\\\\\"apiKey\\\\\\":\\\\\\"%\\\\\\"}\\"}"}',
    '{"data":"[{\\"password\\":\\"%\\"}]"}',
    '{"data":"user=a&password=%&x=1"}',
    '{"data":"<cfg><wifiPassword>%</wifiPassword></cfg>"}',
    '{"data":"<password><![CDATA[%]]></password> <user>joe</user>"}',
    '{"data":"<add key=\\"password\\" value=\\"%\\"/> <x password=\\"%\\" y=\\"z\\"/>"}',
    "{\"data\":\"set password = '%'; user = 'joe'\"}",
    '{"data":"wifiPassword = \\\\\\"%\\\\\\" in quotes of quotes"}',
    '{"data":"-----BEGIN EC PRIVATE KEY-----%-----END EC PRIVATE KEY-----"}',
    '{"location":"ftp://user:%@host:21/fw.bin"}',
    '{"location":"ftp:\\/\\/user:%\\u0040host\\/fw.bin"}',
    '{"log":{"remoteLocation":"https://u:%@host/p@th?q=a@b"}}',
    '{"accessToken":"%","auth_token":"%","clientSecret":"%","private_key":"%","pwd":"%","psk":"%","passphrase":"%"}',
    '{"password":"%","a":' + "[" * 500 + "]" * 500 + "}",
    '{"key":"WifiPass","value":"%"}',
    '{"data":"server=h&user=joe&ftp_pass=%&bypass=1"}',
    '{"location":"https://h/fw.bin?user=joe&pass=%","data":"<user>joe</user><pass>%</pass>"}',
    '{"data":"wifi pass: %, then admin pw: %"}',
    '{"key":"user_pw","value":"%","Pw":7.4}',
    '{"setVariableData":[{"component":{"name":"C"},"variable":{"name":"VpnKey"},"attributeValue":"%"}]}',
    '{"idToken":{"idToken":"%","type":"KeyCode"},"evse":{"id":1}}',
    '{"idToken":{"type":"keycode","additionalInfo":[{"additionalIdToken":"A","type":"x"}],"idToken":"%"}}',
    '{"idTokenInfo":{"status":"Accepted","groupIdToken":{"idToken":"%","type":"KeyCode"}}}',
    '{"localAuthorizationList":[{"idToken":{"idToken":"04AB","type":"eMAID"}},{"idToken":{"idToken":"%","type":"KeyCode"}}]}',
    '{"idToken":{"idToken":"04AB","type":"Central","additionalInfo":[{"additionalIdToken":"%","type":"KeyCode"}]}}',
    '{"data":"{\\"idToken\\":{\\"idToken\\":\\"%\\",\\"type\\":\\"KeyCode\\"}}"}',
]
LEFT = [
    '{"idToken":{"idToken":"04AB","type":"ISO14443"},"customData":{"type":"KeyCode"}}',
    '{"idToken":{"idToken":"","type":"KeyCode"}}',
    '{"idTag":"04AB","idToken":{"idToken":"04AB","type":"ISO14443"},"token":"04AB","groupIdToken":{"idToken":"1"}}',
    '{"key":["AuthorizationKey"]}',
    '{"configurationKey":[{"key":"AuthorizeRemoteTxRequests","readonly":false,"value":"true"}],"unknownKey":["password"]}',
    '{"key":"AuthorizationKey","value":""}',
    '{"password":null,"secret":true}',
    '{"certificateType":"CSMSRootCertificate","certificate":"-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----"}',
    '{"location":"ftp://host:21/fw@home.bin","mail":"ops@example.com","user":"ftp://user@host/"}',
    '{"publicKey":"MFkw","signingMethod":"ECDSA","issuerKeyHash":"ab","StopWDelay":"3"}',
    '{"data":"<password></password> fine <b>x</b>"}',
    '{"data":"self check pass: yes, snap pass: no"}',
    '{"data":"pass > 500"}',
    '{"data":"Boot pass=1 of 2"}',
    '{"Pw":7.4,"ratedPw":22,"L1Pw":"2.3","userPw":-7.4,"admin_pw":12,"n":{"key":"UserPw","value":7.4}}',
    '{"variable":{"name":"UserPw"},"variableAttribute":[{"value":17}]}',
    '{"component":{"name":"PasswordCtrlr"},"variable":{"name":"Enabled"},"attributeValue":"true"}',
]


CUT_WITH_WHAT_HOLDS_IT = [
    ('{"key":"AuthorizationKey","value":["%",{"a":"%"}],"n":1}', '{"key":"AuthorizationKey","value":"***","n":1}'),
    ('{"password":{"hash":"%","rounds":[1,2]}}', '{"password":"***"}'),
    ('{"key":"AuthorizationKey","value":1234567890.50}', '{"key":"AuthorizationKey","value":"***"}'),
    ('{"data":"<password>a&amp;b,c;%</password>"}', '{"data":"<password>***</password>"}'),
    ('{"data":"password=\'my % word\' x"}', '{"data":"password=\'***\' x"}'),
    ('{"key":"password","name":"UserPw","value":7}', '{"key":"password","name":"UserPw","value":"***"}'),
    (
        '{"key":"UserPw","variable":{"name":"Password"},"value":7}',
        '{"key":"UserPw","variable":{"name":"Password"},"value":"***"}',
    ),
    ('{"simPin":1234,"apn":"net"}', '{"simPin":"***","apn":"net"}'),
    ('{"data":"\\u007b\\u0022apiKey\\u0022:\\u0022%\\u0022}"}', '{"data":"\\u007b\\u0022apiKey\\u0022:\\"***\\"}"}'),
    ('{"location":"ftp://user:%/@host/fw.bin"}', '{"location":"ftp://user:***@host/fw.bin"}'),
]


@pytest.mark.parametrize(
    ("payload", "expected"), [(payload, payload.replace("%", "***")) for payload in CUT] + CUT_WITH_WHAT_HOLDS_IT
)
def test_only_the_secret_is_cut_from_requests_and_responses(payload: str, expected: str) -> None:
    sent = payload.replace("%", SECRET)
    request, response = asked("Any", sent), answered(sent)
    assert (request.request, response.response) == (expected, expected)
    assert SECRET not in everything(request) + everything(response)


@pytest.mark.parametrize("payload", LEFT)
def test_what_is_no_secret_stays(payload: str) -> None:
    assert (asked("Any", payload).request, answered(payload).response) == (payload, payload)


def everything(found: LogRow) -> str:
    return msgspec.json.encode(found).decode()


ENDING = """WifiPass ftp_pass UserPw user_pw UserPW wifipass WIFIPASS FTPPass FTPPW ftp.pass Net2Pass pass Pass PASS userpass
userpw BroadbandPass FailoverPass latest_pass ap_pw ApPass adminpw
VpnKey vpn_key VPNKEY"""
ALIKE = """bypass Bypass ByPass BYPASS by_pass compass Compass COMPASS GpsCompass gps_compass ConnectorBypass Overpass passenger
PassThrough pass_count LowPass high-pass SelfTestPass selftest_pass MasterPassGroupId Spw pw Pw
StandbyPw TrapPw latest_pw"""


@pytest.mark.parametrize("name", ENDING.split())
def test_names_that_end_in_a_word_for_a_secret(name: str) -> None:
    for payload in (f'{{"key":"{name}","value":"%"}}', f'{{"{name}":"%"}}', f'{{"data":"a=1;{name}=%"}}'):
        assert asked("Any", payload.replace("%", SECRET)).request == payload.replace("%", "***")


@pytest.mark.parametrize("name", ALIKE.split())
def test_names_that_only_look_alike(name: str) -> None:
    for payload in (f'{{"key":"{name}","value":"17"}}', f'{{"{name}":"17"}}', f'{{"data":"a=1;{name}=17"}}'):
        assert asked("Any", payload).request == payload


class TestKeyCodes:
    """What a driver types in must not appear in any logging (OCPP 2.0.1 part 2, C04.FR.04)."""

    TYPED = b'[2,"1","Authorize",{"idToken":{"idToken":"4711","type":"KeyCode"}}]'

    def test_in_column_and_payload(self) -> None:
        found = row(self.TYPED)
        assert (found.id_tag, found.request) == ("***", '{"idToken":{"idToken":"***","type":"KeyCode"}}')
        assert "4711" not in everything(found)

    def test_whatever_the_site_makes_of_tags(self) -> None:
        exchange = Exchange(observed(self.TYPED, Source.CHARGER, 0), None, Outcome.TIMEOUT, 0, admitted=True)
        assert enrich(exchange, 0, Policy(lambda _: "h:0123456789abcdef")).log.id_tag == "***"

    def test_in_a_frame_that_breaks_off(self) -> None:
        found = row(b'[2,"1","Authorize",{"idToken":{"idToken":"4711","type":"KeyCode"}')
        assert found.request == '[2,"1","Authorize",{"idToken":{"idToken":"***","type":"KeyCode"}'


class TestEveryColumn:
    def test_fields_are_read_from_what_is_left(self) -> None:
        found = asked("BootNotification", f'{{"info":"see ftp://u:{SECRET}@host/","vendorId":"password={SECRET}"}}')
        assert (found.info, found.vendor_id) == ("see ftp://u:***@host/", "password=***")

    def test_unescaped_text(self) -> None:
        found = asked("ChangeConfiguration", f'{{"key":"AuthorizationKey","value":"\\u00e9{SECRET}","x":"\\u00e9t\\u00e9"}}')
        assert "été" in found.unescaped
        assert SECRET not in everything(found)

    def test_error_details_and_description(self) -> None:
        error = f'[4,"1","PropertyConstraintViolation","AuthorizationKey={SECRET}",{{"password":"{SECRET}"}}]'
        found = row(b'[2,"1","Any",{}]', error.encode())
        assert found.response_error_description == "AuthorizationKey=***"
        assert SECRET not in everything(found)

    def test_violations_quote_what_is_left(self) -> None:
        found = asked("StatusNotification", f'[{{"pwd":"{SECRET}"}}]')
        assert found.violations == ['request payload: expected an object, got [{"pwd":"***"}]']

    def test_the_reason_why_it_is_no_frame_quotes_what_is_left(self) -> None:
        found = row(f'[{{"pwd":"{SECRET}"}},"1","Any",{{}}]'.encode())
        assert found.violations == ['message type: {"pwd":"***"} is none of 2, 3, 4, 5, 6']
        assert SECRET not in everything(found)

    def test_an_answer_to_nothing(self) -> None:
        found = row(f'[3,"1",{{"password":"{SECRET}"}}]'.encode())
        assert (found.outcome, found.response) == ("unmatched", '{"password":"***"}')


class TestEchoes:
    """The other half of the exchange repeats the secret under no name at all."""

    REQUEST = f'[2,"1","ChangeConfiguration",{{"key":"AuthorizationKey","value":"{SECRET}"}}]'.encode()

    @pytest.mark.parametrize(
        "answer",
        [
            '[3,"1",{"status":"Rejected","info":"set to % twice %"}]',
            '[4,"1","GenericError","cannot take %",{"got":["%"]}]',
            '[3,"1",{"data":"{\\"got\\":\\"%\\"}"}]',
            '[3,"1",{"a":"\\u0034f8ac01b99d27e3c"}]',
        ],
    )
    def test_in_the_answer(self, answer: str) -> None:
        found = row(self.REQUEST, answer.replace("%", SECRET).encode())
        assert "***" in found.response
        assert SECRET not in everything(found)
        assert "Unicode" not in "".join(found.violations)

    def test_in_the_request(self) -> None:
        found = row(
            f'[2,"1","SetKey",{{"new":"{SECRET}"}}]'.encode(), f'[3,"1",{{"key":"AuthorizationKey","value":"{SECRET}"}}]'.encode()
        )
        assert (found.request, found.response) == ('{"new":"***"}', '{"key":"AuthorizationKey","value":"***"}')

    def test_with_escapes_in_the_secret(self) -> None:
        found = row(b'[2,"1","X",{"password":"caf\\u00e9 \\"\\/quoted"}]', '[3,"1",{"got":"café \\"/quoted!","n":1.0}]'.encode())
        assert found.response == '{"got":"***!","n":1.0}'

    def test_short_secrets_and_names_do_not_eat_words(self) -> None:
        found = row(b'[2,"1","X",{"pin":"on","password":"Password"}]', b'[3,"1",{"reason":"Connection","key":"password"}]')
        assert found.request == '{"pin":"***","password":"***"}'
        assert found.response == '{"reason":"Connection","key":"password"}'

    def test_digits_are_not_found_in_longer_numbers(self) -> None:
        typed = b'[2,"1","Authorize",{"idToken":{"idToken":"123456","type":"KeyCode"},"id":"TX-9123456001","n":123456789}]'
        answer = b'[3,"1",{"at":"2026-11-24T10:00:00.123456Z","reading":"7.123456","info":"123456, or x123456","n":123456}]'
        found = row(typed, answer)
        assert found.request == '{"idToken":{"idToken":"***","type":"KeyCode"},"id":"TX-9123456001","n":123456789}'
        assert found.response == '{"at":"2026-11-24T10:00:00.123456Z","reading":"7.123456","info":"***, or x***","n":"***"}'

    @pytest.mark.parametrize("secret", ["MySecret2024!", "ChangePassword1", "wifi-key-9912", "0a1b2c3dpwd", "Auth_Token99"])
    def test_a_secret_with_such_a_name_in_it(self, secret: str) -> None:
        asked = f'[2,"1","ChangeConfiguration",{{"key":"AuthorizationKey","value":"{secret}"}}]'
        found = row(asked.encode(), f'[4,"1","InternalError","cannot set {secret} here",{{}}]'.encode())
        assert secret not in everything(found)

    def test_in_a_text_whose_quotes_do_not_match(self) -> None:
        """A quarter of a million quotes, each of which could begin a string that does not end."""
        inner = '"' + '\\"' * 250_000 + SECRET
        found = asked("DataTransfer", json.dumps({"password": SECRET, "data": inner}))
        assert SECRET not in found.request
        assert found.request.count("***") == 2

    def test_message_id_and_action_stay(self) -> None:
        found = row(b'[2,"Heartbeat","Heartbeat",{"password":"Heartbeat"}]', b'[3,"Heartbeat",{"a":"Heartbeat"}]')
        assert (found.action, found.message_id, found.outcome, found.response) == (
            "Heartbeat",
            "Heartbeat",
            "result",
            '{"a":"***"}',
        )


class TestNotWellFormed:
    @pytest.mark.parametrize(
        ("frame", "expected"),
        [
            ('[2,"1","X",{"key":"AuthorizationKey","value":"%', '[2,"1","X",{"key":"AuthorizationKey","value":"***'),
            ('[2,"1","X",{"value":"%","key":"AuthorizationKey"', '[2,"1","X",{"value":"***","key":"AuthorizationKey"'),
            ('[2,"1","X",{"key":"AuthorizationKey","value":%}]', '[2,"1","X",{"key":"AuthorizationKey","value":***}]'),
            ('[2,"1","X",{"location":"ftp://u:%@h/', '[2,"1","X",{"location":"ftp://u:***@h/'),
            ('[2,"1","X",{"location":"ftp://h/fw.bin","n":1', '[2,"1","X",{"location":"ftp://h/fw.bin","n":1'),
            ('{"password":%}', '{"password":***}'),
        ],
    )
    def test_everything_but_the_header_is_cut(self, frame: str, expected: str) -> None:
        found = row(frame.replace("%", SECRET).encode())
        assert (found.outcome, found.request) == ("violation", expected)
        assert SECRET not in everything(found)

    def test_stays_a_violation(self) -> None:
        """Though the mark would mend it."""
        found = row(b'[2,"1","X",{"key":"AuthorizationKey","value":"\\x"}]')
        assert (found.outcome, found.action, found.message_id) == ("violation", "", "")
        assert "invalid escaped character" in found.violations[0]

    def test_bytes_that_are_no_text(self) -> None:
        found = row(b'[2,"1","X",{"key":"AuthorizationKey","value":"\xff\xfe\x80"}]')
        assert found.request == '{"key":"AuthorizationKey","value":"***"}'


def array(items: list[str]) -> str:
    return "[" + " ,".join(items) + "]"


def members(found: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f'"{name}" :{value}' for name, value in found) + "}"


NAMES = st.sampled_from(
    [
        "AuthorizationKey",
        "BasicAuthPassword",
        "WifiPasswd",
        "client_secret",
        "PRIVATE-KEY",
        "apiKey",
        "accessToken",
        "simPin",
        "psk",
    ]
)
BLANK = st.sampled_from(["", " ", "\n\t"])
FILLER = st.recursive(
    st.sampled_from(["1.50", "-0", "1E+3", "true", "null", '"a\\/b"', '"\\u00e9"', '"ü"', '"x y"', '""']),
    lambda inner: (
        st.lists(inner, max_size=3).map(array) | st.lists(st.tuples(st.sampled_from("abc"), inner), max_size=3).map(members)
    ),
    max_leaves=4,
)


@st.composite
def spelled(draw: st.DrawFn, text: str) -> str:
    """A text as JSON may spell it: any character may be escaped."""
    marks = draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    plain = (msgspec.json.encode(character).decode()[1:-1] for character in text)
    return "".join(
        f"\\u{ord(character):04x}" if mark and ord(character) < 0x10000 else found
        for character, found, mark in zip(text, plain, marks, strict=True)
    )


MARKER = "Zq7xJw93"
SECRETS = st.text(st.characters(codec="utf-8"), max_size=12).map(lambda text: f"{MARKER}{text}{MARKER}")
MARK = '"***"'


def shapes(name: str, value: str) -> list[list[tuple[str, str]]]:
    """Members that put a value under a name that makes it a secret."""
    variable = ("variable", f'{{"name":"{name}"}}')
    return [
        [(name, value)],
        [("key", f'"{name}"'), ("value", value)],
        [("Name", f'"{name}"'), ("value", value)],
        [("component", '{"name":"X"}'), variable, ("attributeValue", value)],
        [variable, ("variableAttribute", f'[{{"type":"Actual","value":{value}}}]')],
        [("vpn", f'{{"server":"s","key":{value}}}')],
    ]


WRAPS: list[Callable[[str], str]] = [
    lambda inner: array(["1.0", inner]),
    lambda inner: members([("a", inner), ("b", "2")]),
    lambda inner: members([("data", msgspec.json.encode(inner).decode())]),
]


@st.composite
def payloads(draw: st.DrawFn, secret: st.SearchStrategy[str]) -> tuple[str, str, str]:
    """(secret, JSON that holds it among other things, the same JSON with the mark in its place)"""
    text = draw(secret)
    name, token = draw(NAMES.flatmap(spelled)), f'"{draw(spelled(text))}"'
    more = draw(st.lists(st.tuples(st.sampled_from("abc"), FILLER), max_size=2))
    shape = draw(st.integers(0, len(shapes("", "")) - 1))
    order = draw(st.permutations(range(len(shapes("", "")[shape]) + len(more))))
    around, wraps = draw(FILLER), draw(st.lists(st.sampled_from(WRAPS), max_size=4))

    def document(value: str) -> str:
        found = shapes(name, value)[shape] + more
        inner = members([found[place] for place in order])
        for wrap in wraps:
            inner = wrap(inner)
        return members([("a", around), ("data", inner)])

    return text, document(token), document(MARK)


@given(payloads(SECRETS), st.data())
def test_a_secret_is_in_no_column_and_nothing_else_is_changed(case: tuple[str, str, str], data: st.DataObject) -> None:
    secret, sent, expected = case
    echo = f'{{"status":"Rejected", "info":"no: {data.draw(spelled(secret))} !"}}'
    asked = row(f'[2,"1","Any",{sent}]'.encode(), f'[3,"1",{echo}]'.encode())
    assert (asked.request, asked.response) == (expected, '{"status":"Rejected", "info":"no: *** !"}')
    told = answered(sent)
    assert told.response == expected
    assert MARKER not in everything(asked) + everything(told)


@given(payloads(st.just(MARKER)), st.data())
def test_nor_where_the_frame_breaks_off(case: tuple[str, str, str], data: st.DataObject) -> None:
    """Once the name was said: before that, nobody can know."""
    frame = f'[2,"1","Any",{case[1]}]'
    cut_off = frame[: data.draw(st.integers(1, len(frame) - 1))]
    if secret_names.is_secret(unescape(unescape(cut_off.encode())[0])[0]):
        assert MARKER not in everything(row(cut_off.encode()))


@given(st.binary(max_size=200), st.sampled_from([b"", b"password", b'"apiKey":"', b"://a:b@", b'[2,"1","X",{"pin":']))
def test_nothing_makes_it_raise_and_twice_is_as_good_as_once(data: bytes, start: bytes) -> None:
    seen = observed(start + data, Source.CHARGER, 0)
    once = redact(Exchange(seen, None, Outcome.VIOLATION, 0, True))
    assert redact(once) == once


@given(FILLER)
def test_what_names_no_secret_is_the_same_exchange(payload: str) -> None:
    exchange = Exchange(observed(f'[2,"1","Any",{payload}]'.encode(), Source.CHARGER, 0), None, Outcome.SENT, 0, True)
    assert redact(exchange) is exchange


@given(st.text(st.characters(codec="utf-8"), max_size=20).flatmap(lambda text: st.tuples(st.just(text), spelled(text))))
def test_a_text_is_read_back_with_its_places(case: tuple[str, str]) -> None:
    text, raw = case
    meant, places = unescape(raw.encode())
    assert meant.decode() == text == msgspec.json.decode(f'"{raw}"')
    assert len(places) == len(meant) + 1
    assert list(places) == sorted(places)


def test_overlapping_cuts() -> None:
    assert apply(b"0123456789", [Cut(4, 7, b"b"), Cut(1, 3, b"x"), Cut(1, 5, b"a")]) == b"0a789"


def test_deep_nesting_of_strings_is_cut_whole() -> None:
    inner = f'{{"password":"{SECRET}"}}'
    for _ in range(10):
        inner = msgspec.json.encode({"data": inner}).decode()
    found = asked("DataTransfer", inner)
    assert SECRET not in everything(found)
    assert msgspec.json.decode(found.request)
