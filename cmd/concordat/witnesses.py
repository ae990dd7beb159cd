"""What the settings say of witnesses: the one that this deployment is, and those that it asks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from adapters.outbound.ed25519 import Signer
from concordat.failures import USAGE, Failure
from concordat.settings import PREFIX, Settings
from core.log.errors import MalformedPolicy
from core.log.notes import Algorithm, Sign, VerifierKey
from core.log.policy import Policy, parse_policy
from core.log.trust import NO_QUORUM
from ports.secrets import Secrets

SEED, SEED_SIZE = "witness/cosigner", 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnesses:
    """`own` is the key of the witness that this deployment is, `followed` the keys of the logs it follows, by origin.

    `policy` is the text of the policy for its own logs; `keys` and `urls` are those of its witnesses, by name.
    """

    own: tuple[VerifierKey, Sign] | None = field(repr=False)
    followed: Mapping[str, tuple[VerifierKey, ...]]
    policy: str
    keys: Mapping[str, VerifierKey]
    urls: Mapping[str, str]


async def open_witnesses(settings: Settings, secrets: Secrets, random_bytes: Callable[[int], bytes]) -> Witnesses:
    """Makes the witness's key at its first start; raises Failure for files that cannot be used, and for a bad match."""
    followed: dict[str, tuple[VerifierKey, ...]] = {}
    for key in _read(settings.witness_logs, "witness_logs")[1].logs:
        followed[key.name] = (*followed.get(key.name, ()), key)
    text, policy = _read(settings.witness_policy, "witness_policy")
    own = None
    if settings.witness_name:
        signer = Signer(await secrets.create(SEED, random_bytes(SEED_SIZE)))
        own = VerifierKey(name=settings.witness_name, public=signer.key, algorithm=Algorithm.COSIGNATURE), signer
        _refuse_itself(own[0], policy)
    elif followed:
        raise _failure(
            "witness_logs is set and witness_name is not",
            f"Set {PREFIX}WITNESS_NAME: the name of the witness that follows these logs.",
        )
    _refuse_bad_urls(policy)
    return Witnesses(own=own, followed=followed, policy=text, keys=policy.witnesses, urls=policy.urls)


def _read(file: Path | None, setting: str) -> tuple[str, Policy]:
    try:
        text = NO_QUORUM if file is None else file.expanduser().read_text(encoding="utf-8")
        return text, parse_policy(text)
    except OSError as error:
        said = f"The file of {setting} cannot be read: {file}: {error.strerror}"
    except UnicodeDecodeError:
        said = f"The file of {setting} is not UTF-8: {file}"
    except MalformedPolicy as error:
        said = f"The file of {setting} is no witness policy: {file}: {error.reason}"
    raise _failure(said, f"Mend it, or change {PREFIX}{setting.upper()}.")


def _refuse_itself(own: VerifierKey, policy: Policy) -> None:
    """The quorum counts operators, and an operator does not vouch for itself."""
    names = [name for name, key in policy.witnesses.items() if key.public == own.public]
    if names:
        raise _failure(
            f"The witness {names[0]} of witness_policy is this deployment's own, which vouches for nothing here",
            f"Take it out of the file that {PREFIX}WITNESS_POLICY names.",
        )


def _refuse_bad_urls(policy: Policy) -> None:
    for name, url in policy.urls.items():
        if said := complaint(url):
            raise _failure(
                f"The URL of the witness {name} in witness_policy cannot be used, since it {said}",
                "Write it as its operator exports it, like https://HOST/witness.",
            )


def complaint(url: str) -> str | None:
    """What keeps this URL from being the submission prefix of a witness; None for a good one."""
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return "is no URL"
    if not is_whole or not url.isprintable() or " " in url:
        return "is no URL that begins with https:// or http:// and names a host"
    if "@" in parts.netloc:
        return "has a user or a password in it, and policies are public"
    if parts.query or parts.fragment:
        return "does not end in a path"
    return None


def _failure(said: str, advice: str) -> Failure:
    return Failure(f"{said}.", advice, status=USAGE)
