"""Where a post may lead: a table of the ways in which an address of this network is written."""

import pytest

from libs.common.addresses import BadAddress, may_call, read_url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        # this machine and its network
        ("https://127.0.0.1/", "private-address"),
        ("https://127.8.9.10/", "private-address"),
        ("https://localhost/", "private-address"),
        ("https://LOCALHOST./", "private-address"),
        ("https://hooks.localhost/", "private-address"),
        ("https://[::1]/", "private-address"),
        ("https://[::]/", "private-address"),
        ("https://0.0.0.0/", "private-address"),
        ("https://10.0.0.1/", "private-address"),
        ("https://172.31.255.254/", "private-address"),
        ("https://192.168.1.1/", "private-address"),
        ("https://100.64.0.1/", "private-address"),
        ("https://[fd00::1]/", "private-address"),
        ("https://[fec0::1]/", "private-address"),
        ("https://[fe80::1]/", "private-address"),
        ("https://[fe80::1%25eth0]/", "bad-host"),
        ("https://database/", "private-address"),
        ("https://kafka.internal/", "private-address"),
        ("https://printer.local/", "private-address"),
        ("https://api.default.svc.cluster.local/", "private-address"),
        # what clouds tell a machine about itself
        ("https://169.254.169.254/latest/meta-data", "private-address"),
        ("https://metadata.google.internal/", "private-address"),
        ("https://168.63.129.16/", "private-address"),
        ("https://100.100.100.200/", "private-address"),
        ("https://[fd00:ec2::254]/", "private-address"),
        # nobody's, everybody's, or only for documents
        ("https://224.0.0.1/", "private-address"),
        ("https://[ff02::1]/", "private-address"),
        ("https://255.255.255.255/", "private-address"),
        ("https://240.0.0.1/", "private-address"),
        ("https://192.0.2.1/", "private-address"),
        ("https://198.18.0.1/", "private-address"),
        ("https://192.88.99.1/", "private-address"),
        ("https://[2001:db8::1]/", "private-address"),
        ("https://[3fff::1]/", "private-address"),
        ("https://[100::1]/", "private-address"),
        # an IPv4 address inside an IPv6 one
        ("https://[::ffff:10.0.0.1]/", "private-address"),
        ("https://[::ffff:7f00:1]/", "private-address"),
        ("https://[::10.0.0.1]/", "private-address"),
        ("https://[64:ff9b::a9fe:a9fe]/", "private-address"),
        ("https://[64:ff9b:1::a00:1]/", "private-address"),
        ("https://[2002:7f00:1::]/", "private-address"),
        ("https://[2001:0:a00:1::1]/", "private-address"),
        # numbers that resolvers read as addresses
        ("https://2130706433/", "bad-host"),
        ("https://0x7f000001/", "bad-host"),
        ("https://0x7f.0.0.1/", "bad-host"),
        ("https://017700000001/", "bad-host"),
        ("https://0177.0.0.1/", "bad-host"),
        ("https://127.1/", "bad-host"),
        ("https://10.0.0.1./", "private-address"),
        ("https://hooks.example.0x7f/", "bad-host"),
        # letters that become others
        ("https://\uff11\uff12\uff17.0.0.1/", "private-address"),
        ("https://127\u30020\u30020\u30021/", "private-address"),
        ("https://\u24dbocalhost/", "private-address"),
        ("https://%31%32%37.0.0.1/", "bad-host"),
        ("https://xn--/", "bad-host"),
        # what parsers read in two ways
        ("https://user:secret@hooks.example/", "has-credentials"),
        ("https://@hooks.example/", "has-credentials"),
        ("https://hooks.example\\@10.0.0.1/", "bad-address"),
        ("https://hooks.example /", "bad-address"),
        ("https://hooks.example/\r\nHost: other", "bad-address"),
        ("https://hooks.example:443@10.0.0.1/", "has-credentials"),
        ("https://[::1/", "bad-address"),
        ("https://hooks.example:99999/", "bad-address"),
        ("https://hooks.example:-1/", "bad-address"),
        ("https:///nowhere", "no-host"),
        ("nonsense", "not-https"),
        # other protocols
        ("http://hooks.example/", "not-https"),
        ("ftp://hooks.example/", "not-https"),
        ("file:///etc/passwd", "not-https"),
        ("gopher://hooks.example/", "not-https"),
        ("//hooks.example/", "not-https"),
        ("https://hooks.example:22/", "bad-port"),
        ("https://hooks.example:80/", "bad-port"),
        ("https://hooks.example:0/", "bad-port"),
        ("https://hooks.example:5432/", "bad-port"),
        ("https://hooks.example:6379/", "bad-port"),
        ("https://hooks.example:9092/", "bad-port"),
    ],
)
def test_what_may_not_be_called_is_refused_when_it_is_told(url: str, reason: str) -> None:
    with pytest.raises(BadAddress) as refused:
        read_url(url, loopback=False)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("https://hooks.example/alerts?team=1", "https://hooks.example/alerts?team=1"),
        ("HTTPS://Hooks.Example:443", "https://hooks.example/"),
        ("https://93.184.215.14:8443/", "https://93.184.215.14:8443/"),
        ("https://[2606:2800:21f::1]/", "https://[2606:2800:21f::1]/"),
        ("https://bücher.example/ä?q=é#part", "https://xn--bcher-kva.example/%C3%A4?q=%C3%A9"),
        ("https://faß.example/", "https://xn--fa-hia.example/"),
        ("https://hooks.example/a%2Fb", "https://hooks.example/a%2Fb"),
    ],
)
def test_what_may_be_called_is_written_in_one_way(url: str, called: str) -> None:
    assert read_url(url, loopback=False) == called


def test_the_setting_for_this_machine_opens_nothing_else() -> None:
    assert read_url("http://127.0.0.1:8080/x", loopback=True) == "http://127.0.0.1:8080/x"
    assert read_url("http://localhost:25/", loopback=True) == "http://localhost:25/"
    for url in ("https://10.0.0.1/", "http://169.254.169.254/", "http://hooks.example/"):
        with pytest.raises(BadAddress):
            read_url(url, loopback=True)


@pytest.mark.parametrize(
    ("address", "scheme", "loopback", "may"),
    [
        ("93.184.215.14", "https", False, True),
        ("93.184.215.14", "http", True, False),
        ("2606:2800:21f::1", "https", False, True),
        ("64:ff9b::5db8:d70e", "https", False, True),
        ("::ffff:93.184.215.14", "https", False, True),
        ("127.0.0.1", "https", False, False),
        ("127.0.0.1", "http", True, True),
        ("::ffff:127.0.0.1", "https", True, True),
        ("10.0.0.1", "https", True, False),
        ("2002:a00:1::", "https", False, False),
        ("fe80::1%eth0", "https", True, False),
        ("2606:2800:21f::1%eth0", "https", False, False),
        ("no address", "https", False, False),
    ],
)
def test_an_address_that_a_name_leads_to_is_judged_by_what_it_is(address: str, scheme: str, loopback: bool, may: bool) -> None:
    assert may_call(address, scheme, loopback=loopback) is may
