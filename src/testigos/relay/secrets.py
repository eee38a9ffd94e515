"""Certificates and passwords: from files or the environment, never into a log."""

import os
import ssl
from pathlib import Path
from typing import Protocol

from testigos.errors import ConfigError
from testigos.relay.config import Tls

__all__ = ["client_context", "password", "server_context"]


class _Bearer(Protocol):
    @property
    def password_file(self) -> str | None: ...

    @property
    def password_env(self) -> str | None: ...


def password(item: _Bearer) -> str | None:
    """The password that a setting names. Raises ``ConfigError`` where it is not there (any more)."""
    return _secret(item.password_file, item.password_env)


def _secret(file: str | None, variable: str | None) -> str | None:
    if file is not None:
        try:
            return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file}: cannot be read: {error.__class__.__name__}") from None
    if variable is not None:
        if variable not in os.environ:
            raise ConfigError(f"{variable} is not in the environment")
        return os.environ[variable]
    return None


def _loaded(context: ssl.SSLContext, tls: Tls) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if tls.cert is not None:
            secret = _secret(tls.key_password_file, tls.key_password_env)
            # without a password OpenSSL would ask at the terminal
            context.load_cert_chain(tls.cert, tls.key, password=lambda: secret or "")
        if tls.ca is not None:
            context.load_verify_locations(tls.ca)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error.strerror or error.__class__.__name__
        raise ConfigError(f"{tls.cert or tls.ca}: not taken as certificate and key: {reason}") from None
    return context


def client_context(tls: Tls | None) -> ssl.SSLContext:
    """To connect with: TLS 1.2 or newer, the peer's certificate and name are verified.

    Raises ``ConfigError`` where a certificate or key cannot be used.
    """
    tls = tls or Tls()
    context = ssl.create_default_context(cafile=None)
    if tls.ca is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return _loaded(context, tls)


def server_context(tls: Tls) -> ssl.SSLContext:
    """To listen with: TLS 1.2 or newer; with ``ca`` only clients that have a certificate of it.

    Raises ``ConfigError``.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if tls.ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return _loaded(context, tls)
