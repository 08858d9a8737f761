"""Opens the door on this machine, and closes it when a person or the system says so."""

from __future__ import annotations

import ipaddress
import signal
import socket
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from labelaudit.errors import SettingsError
from labelaudit.review.hurry import HurriedProtocol
from labelaudit.review.security import LOOPBACK_NAMES, Access

DEFAULT_PORT = 8477
_TRIED_PORTS = 20
_GRACE_SECONDS = 3


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server on this host."""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_host(host: str, *, let_network_in: bool) -> None:
    """Refuses to listen where other machines could reach the faces, unless that was asked for.

    Raises:
        SettingsError: They could, and it was not.
    """
    if not is_loopback(host) and not let_network_in:
        raise SettingsError(
            f"--host {host} would let other machines in; add --let-network-in if that is meant, or use a tunnel "
            "(ssh -L) to this machine"
        )


def open_socket(host: str, port: int | None) -> socket.socket:
    """Takes a port; nobody is answered before ``serve``.

    Args:
        host: A name or address of this machine.
        port: The port, 0 = any that is free; None = the usual one, or the next that is free.

    Raises:
        SettingsError: The port is taken, or the host is not this machine's.
    """
    tried = range(DEFAULT_PORT, DEFAULT_PORT + _TRIED_PORTS) if port is None else (port,)
    for each in tried:
        try:
            family, _, _, _, address = socket.getaddrinfo(host, each, type=socket.SOCK_STREAM)[0]
            found = socket.create_server(address[:2], family=family, backlog=256)
        except socket.gaierror as error:
            raise SettingsError(f"--host {host} is no name or address of this machine: {error.strerror}") from error
        except (OSError, OverflowError) as error:
            why = error
            continue
        # Connections inherit it. Without it an answer's head and body wait for each other, 40 ms each time.
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found
    what = f"port {port}" if port is not None else f"ports {tried[0]} to {tried[-1]}"
    raise SettingsError(f"cannot listen on {host}, {what}: {why}; name another with --port") from why


def access_for(listener: socket.socket, host: str) -> Access:
    """Who may come in by a socket: those on this machine, and others where the host lets them reach it."""
    port = listener.getsockname()[1]
    if is_loopback(host):
        return Access(port, hosts=LOOPBACK_NAMES | {host.lower()})
    return Access(port, hosts=LOOPBACK_NAMES | {host.lower(), socket.gethostname().lower()}, any_address=True)


def address_of(access: Access, host: str) -> str:
    """What a person opens in a browser."""
    name = socket.gethostname() if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    return f"http://{f'[{name}]' if ':' in name else name}:{access.port}/?token={access.token}"


def server_for(app: ASGIApp) -> ReviewServer:
    """The server, not yet running."""
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="off",
        http=HurriedProtocol,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return ReviewServer(config)


def serve(app: ASGIApp, listener: socket.socket) -> signal.Signals | None:
    """Answers until the process is told to end; what is being written is written first.

    Returns:
        The signal that ended it.
    """
    server = server_for(app)
    server.run(sockets=[listener])
    return server.ended_by


class ReviewServer(uvicorn.Server):
    """A server that remembers the signal that ended it, and does not raise it once more: this is how a sitting ends."""

    ended_by: signal.Signals | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's own signature
        """Ends the server after what it is doing; told twice, at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self.ended_by = signal.Signals(sig)
