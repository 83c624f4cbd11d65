"""Where a message may be sent that somebody outside told us: a public address by https, and nothing else. Pure.

What cannot be right is refused when it is told (`read_url`); what a name leads to is judged whenever it is called (`may_call`):
it may lead elsewhere by then. IPv6 is public in 2000::/3 alone, and a form that carries an IPv4 address is judged by that one.
Source: the IANA special-purpose address registries (RFC 6890); WHATWG URL for numbers as hosts and for ports of other protocols.
"""

import ipaddress
import re
from typing import Final, Literal
from urllib.parse import quote, urlsplit, urlunsplit

import idna

Wrong = Literal["bad-address", "not-https", "no-host", "bad-host", "has-credentials", "private-address", "bad-port"]

_IPv4 = ipaddress.IPv4Address
_IPv6 = ipaddress.IPv6Address
_PRIVATE_4: Final = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
            "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
            "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        ),
    )
)  # fmt: skip
# Some clouds answer for the machine itself at a public address.
_METADATA_4: Final = frozenset(map(ipaddress.IPv4Address, ("168.63.129.16", "100.100.100.200", "192.0.0.192")))
_PUBLIC_6: Final = ipaddress.IPv6Network("2000::/3")
_PRIVATE_6: Final = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20")))
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_HTTP, _HTTPS = 80, 443
_LOW_PORTS: Final = 1024
# Other protocols listen there: what is posted may mean something to them.
_ODD_PORTS: Final = frozenset(
    {
        1433, 1521, 1719, 1720, 1723, 2049, 2375, 2376, 2379, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432, 5900, 6000, 6379,
        6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9092, 9200, 10080, 10250, 11211, 27017,
    }
)  # fmt: skip
_PRIVATE_NAMES: Final = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "arpa", "onion")
_UNFIT: Final = re.compile(r"[\x00-\x20\x7f\\]")
_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
_HOST_MAX: Final = 253


class BadAddress(Exception):  # noqa: N818 - the fact is the name
    """Nothing may be posted there. `reason` is stable; the address itself is not repeated."""

    def __init__(self, reason: Wrong) -> None:
        super().__init__(reason)
        self.reason = reason


def read_url(url: str, *, loopback: bool) -> str:
    """Return an address as it is called: its host in ASCII, without a fragment. Errors: BadAddress.

    `loopback`: this machine's own is allowed, in the clear too and at any port.
    """
    if _UNFIT.search(url):
        raise BadAddress("bad-address")
    try:
        told = urlsplit(url)
        host, port = told.hostname, told.port
    except ValueError:
        raise BadAddress("bad-address") from None
    if told.scheme not in ("https", "http"):
        raise BadAddress("not-https")
    if not host:
        raise BadAddress("no-host")
    if "@" in told.netloc:
        raise BadAddress("has-credentials")
    host = _read_host(host)
    own = is_own(host)
    if not (loopback and own):
        if told.scheme != "https":
            raise BadAddress("not-https")
        if not _may_name(host):
            raise BadAddress("private-address")
        if port is not None and not _may_use(port):
            raise BadAddress("bad-port")
    default = _HTTPS if told.scheme == "https" else _HTTP
    shown = f"[{host}]" if ":" in host else host
    netloc = shown if port in (None, default) else f"{shown}:{port}"
    return urlunsplit((told.scheme, netloc, quote(told.path or "/", safe="/%:@!$&'()*+,;=~-._"), _query(told.query), ""))


def _query(told: str) -> str:
    return quote(told, safe="/%:@!$&'()*+,;=~-._?")


def _read_host(told: str) -> str:
    """Return a host as it is looked up: an address in its one usual form, or a name in ASCII."""
    try:
        if ":" in told:
            return str(_IPv6(told.replace("%", " ")))  # none with a zone
        host = idna.encode(told, uts46=True, std3_rules=True).decode().lower().rstrip(".")
        # A number that is a host: as octets in decimal, and in none of the other ways that resolvers understand.
        is_number = _NUMBER.fullmatch(host.rpartition(".")[2])
        host = str(_IPv4(host)) if is_number else host
    except ValueError:  # which errors of idna are, too
        host = ""
    if not 0 < len(host) <= _HOST_MAX:
        raise BadAddress("bad-host")
    return host


def _may_name(host: str) -> bool:
    address = _address(host)
    if address is not None:
        return is_public(address)
    return "." in host and host.rpartition(".")[2] not in _PRIVATE_NAMES


def _may_use(port: int) -> bool:
    return port == _HTTPS or (port >= _LOW_PORTS and port not in _ODD_PORTS)


def is_own(host: str) -> bool:
    """Say whether a host is this machine itself, by name or address."""
    address = _address(host)
    return host == "localhost" if address is None else _meant(address).is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def may_call(address: str, scheme: str, *, loopback: bool) -> bool:
    """Say whether an IP address may be called: a public one by https, and this machine's own where `loopback` says so."""
    told = _address(address)  # with a zone (fe80::1%eth0) it is none that may be called
    if told is None:
        return False
    if _meant(told).is_loopback:
        return loopback
    return scheme == "https" and is_public(told)


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Say whether an address is one of the internet's, for one receiver."""
    plain = _meant(address)
    if isinstance(plain, _IPv4):
        return plain not in _METADATA_4 and not any(plain in network for network in _PRIVATE_4)
    return plain.scope_id is None and plain in _PUBLIC_6 and not any(plain in network for network in _PRIVATE_6)


def _meant(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address that an IPv6 one leads to, where it does: mapped, 6to4, NAT64."""
    if isinstance(address, _IPv4):
        return address
    if address in _NAT64:
        return _IPv4(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
